using Engine.Graph;
using Engine.Graph.Streaming;

namespace Engine.Streaming;

/// <summary>Masked attentions within one walk over a model: each becomes one layer when its last node comes, and nodes that make masks run only where one cannot.</summary>
internal sealed class BandedAttention(StreamTransform transform, StreamBuilder b, StreamBands bands)
{
    // Those that have not run; null from where they had to.
    private List<Node>? _masks = [];

    /// <summary>True when the node is done with, or waits for another.</summary>
    public bool Take(Node n)
    {
        // Continual windows update attention in their own way.
        if (b.Options.Continual) return false;
        if (_masks is not null && bands.MaskNodes.Contains(n)) _masks.Add(n);
        else if (bands.Of(n) is not { } chain) return false;
        else if (n == chain.Last && !Stream(chain))
        {
            foreach (var m in _masks ?? []) transform.Node(m);
            _masks = null;
            foreach (var m in chain.Nodes) transform.Node(m);
        }
        return true;
    }

    private bool Stream(MaskedAttention chain)
    {
        var c = new StreamNode(b, chain.Whole);
        if (!chain.IsOverStreams(c)) return false;
        try
        {
            chain.Stream(c, bands.Band(chain, c.Stream(1)!, b) ?? throw c.Refuse("which keys a query sees does not follow from their distance alone"));
        }
        catch (StreamRefusalException e)
        {
            return c.Windowed ? false : throw StreamTransform.Refused(chain.Whole, e.Message);
        }
        transform.Gave(c, "Attention", c.Deviation.Length > 0 ? StreamForm.Approximate : StreamForm.Exact);
        return true;
    }
}
