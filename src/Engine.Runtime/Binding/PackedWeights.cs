using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>A form that a kernel asked for.</summary>
/// <param name="Weight">The weight.</param>
/// <param name="Name">The layout, or what was converted.</param>
/// <param name="Bytes">Bytes besides the weight's own.</param>
public sealed record PackedForm(Weight Weight, string Name, long Bytes);

/// <summary>Weights in kernel layouts, a copy a model, keyed by (weight, layout): taken from the file that holds them, else made when first asked for.</summary>
public sealed class PackedWeights
{
    private readonly Dictionary<(Weight, string), Tensor> _items = [];
    private readonly Dictionary<(Weight, string), PackedWeight> _stored = [];
    private readonly List<PackedWeight> _layouts = [];
    private readonly Lock _lock = new();

    /// <summary>Starts with what a file holds.</summary>
    public PackedWeights(IEnumerable<PackedWeight>? stored = null)
    {
        foreach (var s in stored ?? []) _stored[(s.Weight, s.Layout)] = s;
    }

    /// <summary>Bytes made.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes taken from the file as they lie there.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>Called with the bytes of every new layout before it is made or taken; throws to refuse.</summary>
    public Action<long, string>? Reserve { get; init; }

    /// <summary>The layouts asked for so far that files may hold.</summary>
    public IReadOnlyList<PackedWeight> Layouts
    {
        get
        {
            lock (_lock) return [.. _layouts];
        }
    }

    /// <summary>Every form asked for so far, with the bytes that it takes besides the weight.</summary>
    public IReadOnlyList<PackedForm> Forms
    {
        get
        {
            lock (_lock) return [.. _items.Select(i => new PackedForm(i.Key.Item1, i.Key.Item2, i.Key.Item1 is Dense d && ReferenceEquals(d.Values, i.Value) ? 0 : i.Value.ByteLength))];
        }
    }

    /// <summary>
    /// The weight in a layout: as stored where a file holds it under this name, else packed on the first request. Throws <see cref="InvalidModelException"/>
    /// for a stored one of another type, or with another checksum.
    /// </summary>
    public Tensor Get(Weight weight, PackedLayout layout, Workers workers, PackFn pack)
    {
        lock (_lock)
        {
            var key = (weight, layout.Name);
            if (_items.TryGetValue(key, out var t)) return t;
            Reserve?.Invoke(layout.Type.Bytes, $"{layout.Name} layout of a {weight} weight");
            if (layout.IsStored && _stored.TryGetValue(key, out var s))
            {
                t = Admit(s, layout);
                StoredBytes += t.ByteLength;
            }
            else
            {
                t = Tensor.Allocate(layout.Type.DType, layout.Type.Shape);
                pack(weight, t, workers);
                Bytes += t.ByteLength;
            }
            if (layout.IsStored) _layouts.Add(new(weight, layout.Name, t));
            return _items[key] = t;
        }
    }

    /// <summary>A part of the weight as a kernel reads it, converted on the first request; a tensor of the weight itself takes no memory. Never stored.</summary>
    public Tensor Get(Weight weight, string part, Func<Weight, Tensor> convert)
    {
        lock (_lock)
        {
            if (_items.TryGetValue((weight, part), out var t)) return t;
            t = convert(weight);
            if (weight is not Dense d || !ReferenceEquals(d.Values, t))
            {
                Reserve?.Invoke(t.ByteLength, $"{part} of a {weight} weight");
                Bytes += t.ByteLength;
            }
            return _items[(weight, part)] = t;
        }
    }

    /// <summary>The dense form; decoded on first use unless it is dense already.</summary>
    public Tensor Dense(Weight weight) => weight is Dense d ? d.Values : Get(weight, "dense", static w => w.Decode());

    private static unsafe Tensor Admit(PackedWeight s, PackedLayout layout)
    {
        if (s.Values.Type != layout.Type) throw new InvalidModelException($"section '{s.Section}' is {s.Values.Type}, the layout '{s.Layout}' takes {layout.Type}", s.File);
        // The first look at the content is what compares its checksum.
        _ = s.Values.Pointer;
        return s.Values;
    }
}
