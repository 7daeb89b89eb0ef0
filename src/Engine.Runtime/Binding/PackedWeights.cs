using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>Weights in kernel layouts, made once a model and keyed by (weight, layout).</summary>
public sealed class PackedWeights
{
    private readonly Dictionary<(Weight, string), Tensor> _items = [];
    private readonly Lock _lock = new();

    /// <summary>Bytes held.</summary>
    public long Bytes { get; private set; }

    /// <summary>Called with the bytes of every new layout before it is kept; throws to refuse.</summary>
    public Action<long, string>? Reserve { get; init; }

    /// <summary>The weight in a layout, packed now when it is the first request.</summary>
    public Tensor Get(Weight weight, string layout, Func<Weight, Tensor> pack)
    {
        lock (_lock)
        {
            if (_items.TryGetValue((weight, layout), out var t)) return t;
            t = pack(weight);
            if (weight is not Dense d || !ReferenceEquals(d.Values, t))
            {
                Reserve?.Invoke(t.ByteLength, $"{layout} layout of a {weight} weight");
                Bytes += t.ByteLength;
            }
            return _items[(weight, layout)] = t;
        }
    }

    /// <summary>The dense form; decoded on first use unless it is dense already.</summary>
    public Tensor Dense(Weight weight) => weight is Dense d ? d.Values : Get(weight, "dense", static w => w.Decode());
}
