namespace Engine.Compression;

/// <summary>Which schemes come into question for which layer.</summary>
internal sealed class SchemeChoice
{
    private const double SmallEnd = 0.25;

    private readonly Dictionary<Layer, (Scheme Asked, bool IsFixed, IReadOnlyList<Scheme> All)> _of = [];

    public SchemeChoice(IReadOnlyList<Layer> layers, CompressionOptions options)
    {
        var products = layers.Where(l => l.IsProduct).ToList();
        var general = options.Policy.Default ?? options.Scheme;
        // Few bits and zeros hurt most where a network begins and ends, and those layers are small; where one is not, it is what the bits are saved on.
        double elements = layers.Sum(l => (double)l.Weight.Shape.Elements);
        Scheme? End(Layer? l) => l is null || layers.Count <= 2 || l.Weight.Shape.Elements >= SmallEnd * elements ? null : general.Bits < 8 ? Scheme.W8 : general.Sparsity is null ? null : general.Dense;
        var policy = options.Policy with
        {
            First = options.Policy.First ?? End(products.FirstOrDefault()),
            Last = options.Policy.Last ?? End(products.LastOrDefault()),
            Embeddings = options.Policy.Embeddings ?? End(layers.Where(l => l.Kind == LayerKind.Embedding).MaxBy(l => l.Weight.Shape.Elements)),
        };
        foreach (var l in layers)
        {
            var named = policy.Of(l, l == products.FirstOrDefault(), l == products.LastOrDefault());
            var asked = Possible(l, named ?? general);
            bool isFixed = named is not null;
            IEnumerable<Scheme> all = [];
            if (options.Budget is not null || options.MaxDrop is not null)
                if (!isFixed || options.Budget is null) all = all.Concat(options.Candidates.Select(s => Possible(l, s)));
            if (options.Latencies is not null && !options.NoFallback || options.MaxDrop is not null) all = all.Concat([asked.Dense, Possible(l, Scheme.W8), Scheme.Float]);
            // Those that walk the columns in one order follow each other, so that compensation factors its matrix once for them.
            _of[l] = (asked, isFixed && options.MaxDrop is null, [asked, .. all.Except([asked]).OrderBy(s => s.Sparsity?.M ?? 0)]);
        }
    }

    /// <summary>True when a scheme has scales that only samples can tell.</summary>
    public bool NeedsSamples => _of.Values.Any(v => v.All.Any(s => s.IsStatic));

    /// <summary>Schemes to compute, the one asked for first.</summary>
    public IReadOnlyList<Scheme> Of(Layer layer) => _of[layer].All;

    /// <summary>The scheme asked for.</summary>
    public Scheme Asked(Layer layer) => _of[layer].Asked;

    /// <summary>True when a budget may not choose another.</summary>
    public bool IsFixed(Layer layer) => _of[layer].IsFixed;

    // Without a product there are no activations to round, and nothing that zeros would save.
    private static Scheme Possible(Layer l, Scheme s) => s.Sparsity is { } sparsity && s.Factors is null && !sparsity.Fits(l) ? Possible(l, s.Dense) : s.IsStatic && !l.IsProduct ? Scheme.W8 : s;
}
