using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Inputs of one layer over the calibration samples, as rows of what a row of weights is multiplied with: patches for a convolution. A
/// bounded number of rows is kept, drawn evenly from all samples by a seeded sequence.
/// </summary>
internal sealed class LayerInputs
{
    /// <summary>Rows that errors are measured on.</summary>
    public const int RowsOfErrors = 512;

    // A layer keeps at most 64 MiB, all layers together 1 GiB.
    private const int LeastSplit = 8, MostRows = 4096, MostFloats = 16 << 20, MostFloatsOfAll = 256 << 20;

    private readonly List<float>[] _rows;
    private readonly Layer _layer;
    private readonly int _perSample;
    private SplitMix _random;

    public LayerInputs(Layer layer, int samples, int layers, ulong seed)
    {
        _layer = layer;
        _rows = new List<float>[layer.Parts];
        for (int p = 0; p < _rows.Length; p++) _rows[p] = [];
        int most = Math.Clamp(Math.Min(MostFloats, MostFloatsOfAll / layers) / Math.Max(1, layer.Columns * layer.Parts), 64, MostRows);
        _perSample = Math.Max(1, (most + samples - 1) / samples);
        _random = new SplitMix(seed);
    }

    /// <summary>Draws the same rows as <paramref name="like"/> does, for a layer that takes its place.</summary>
    public LayerInputs(Layer layer, LayerInputs like, ulong seed) : this(layer, 1, 1, seed) => _perSample = like._perSample;

    /// <summary>Parts of the layer's rows; each has inputs of its own.</summary>
    public int Parts => _rows.Length;

    /// <summary>Number of rows seen of each part.</summary>
    public int Count => _layer.Columns == 0 ? 0 : _rows[0].Count / _layer.Columns;

    /// <summary>True when there are rows enough to round by some and to judge by others.</summary>
    public bool IsSplit => Count >= LeastSplit;

    /// <summary>Rows [count, columns] of a part that weights are rounded by.</summary>
    public float[] Fitted(int part, int most = int.MaxValue) => Rows(part, most, isHeldOut: false);

    /// <summary>Rows [count, columns] of a part that errors are measured on: others than the weights were rounded by, wherever there are enough.</summary>
    public float[] HeldOut(int part) => Rows(part, RowsOfErrors, isHeldOut: true);

    private float[] Rows(int part, int most, bool isHeldOut)
    {
        int[] rows = !IsSplit ? [.. Enumerable.Range(0, Count)] : [.. Enumerable.Range(0, Count).Where(r => r % 4 == 3 == isHeldOut)];
        int columns = _layer.Columns, count = Math.Min(most, rows.Length);
        var y = new float[(long)count * columns];
        for (int i = 0; i < count; i++) _rows[part].CopyTo(rows[(int)((long)i * rows.Length / count)] * columns, y, i * columns, columns);
        return y;
    }

    /// <summary>Takes rows from the layer's input in one sample.</summary>
    public void Add(Tensor x)
    {
        if (x.DType != DType.F32 || x.Shape.Elements == 0) return;
        if (_layer.Node.Op is Conv conv) AddPatches(x, conv);
        else
        {
            int columns = _layer.Columns;
            if (x.Shape[-1] != columns) return;
            var v = x.Span<float>();
            foreach (int r in Draw(v.Length / columns)) _rows[0].AddRange(v.Slice(r * columns, columns));
        }
    }

    private void AddPatches(Tensor x, Conv conv)
    {
        var windows = conv.Windows(x.Shape, _layer.Weight.Shape);
        int channels = _layer.Columns / _layer.Taps, spatial = Checked.Int(x.Shape.Product(2, x.Shape.Rank)), outputs = 1;
        foreach (var w in windows) outputs *= w.Output;
        var v = x.Span<float>();
        int[] at = new int[windows.Length];
        foreach (int row in Draw(Checked.Int((long)outputs * x.Shape[0])))
        {
            int image = row / outputs, o = row % outputs;
            for (int d = windows.Length - 1; d >= 0; d--, o /= windows[d + 1].Output) at[d] = o % windows[d].Output;
            for (int p = 0; p < Parts; p++)
                for (int c = 0; c < channels; c++)
                    for (int tap = 0; tap < _layer.Taps; tap++)
                    {
                        int from = Position(windows, at, tap);
                        _rows[p].Add(from < 0 ? 0 : v[Checked.Int(((long)image * Parts + p) * channels * spatial + (long)c * spatial + from)]);
                    }
        }
    }

    // Where a tap reads, or −1 in the padding.
    private static int Position(WindowAxis[] windows, int[] at, int tap)
    {
        int from = 0;
        int divisor = 1;
        foreach (var w in windows) divisor *= w.Kernel;
        for (int d = 0; d < windows.Length; d++)
        {
            divisor /= windows[d].Kernel;
            int i = at[d] * windows[d].Stride - windows[d].PadBegin + tap / divisor % windows[d].Kernel * windows[d].Dilation;
            if (i < 0 || i >= windows[d].Input) return -1;
            from = from * windows[d].Input + i;
        }
        return from;
    }

    // Distinct positions below count, rising: all of them where they are few.
    private IEnumerable<int> Draw(int count)
    {
        if (count <= _perSample) return Enumerable.Range(0, count);
        var picked = new int[_perSample];
        for (int i = 0; i < picked.Length; i++)
        {
            // One from each of as many equal stretches.
            long from = (long)i * count / picked.Length, to = (long)(i + 1) * count / picked.Length;
            picked[i] = (int)(from + (long)(_random.Next() % (ulong)(to - from)));
        }
        return picked;
    }
}
