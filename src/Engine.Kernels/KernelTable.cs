namespace Engine.Kernels;

/// <summary>One variant of a kernel: tier name, whether this CPU runs it, the function.</summary>
public sealed record KernelVariant<TFn>(string Tier, bool Supported, TFn Run) where TFn : Delegate;

/// <summary>
/// The variants of one kernel, best first; the last is the scalar reference that the others are tested against.
/// <c>ENGINE_TIER</c> forces a tier by name: kernels without it take their best of those behind it in <see cref="Tiers"/>.
/// </summary>
public sealed class KernelTable<TFn> : IKernelTable where TFn : Delegate
{
    private readonly KernelVariant<TFn>[] _variants;

    /// <summary>Creates the table; <paramref name="stem"/> names the kernel everywhere.</summary>
    public KernelTable(string stem, params KernelVariant<TFn>[] variants)
    {
        Stem = stem;
        _variants = variants;
        Tier = Tiers.Pick(SupportedTiers);
        Best = this[Tier];
        KernelTables.Add(this);
    }

    /// <inheritdoc/>
    public string Stem { get; }

    /// <inheritdoc/>
    public string Tier { get; }

    /// <summary>The dispatcher's pick, unless <see cref="Select"/> chose another.</summary>
    public TFn Best { get; private set; }

    /// <summary>The scalar reference.</summary>
    public TFn Reference => _variants[^1].Run;

    /// <inheritdoc/>
    public IEnumerable<string> SupportedTiers => _variants.Where(v => v.Supported).Select(v => v.Tier);

    /// <summary>The variant of a tier.</summary>
    public TFn this[string tier] => _variants.First(v => v.Tier == tier).Run;

    /// <inheritdoc/>
    public void Select(string? tier) => Best = this[tier ?? Tier];
}

/// <summary>What tables show without their function type.</summary>
public interface IKernelTable
{
    /// <summary>Name of the kernel.</summary>
    string Stem { get; }

    /// <summary>Tier of the dispatcher's pick.</summary>
    string Tier { get; }

    /// <summary>Tiers this CPU runs, best first.</summary>
    IEnumerable<string> SupportedTiers { get; }

    /// <summary>
    /// Makes callers run a tier from now on, or the dispatcher's pick again where null: for measurements, in a process that runs nothing else.
    /// Packed operands may depend on the tier: pack them after.
    /// </summary>
    void Select(string? tier);
}

/// <summary>
/// Tier names and the one forced by the environment. A table's own order says which of its variants is best; this one says what a forced
/// tier leaves out: everything before it. Tiers of the native library come first.
/// </summary>
public static class Tiers
{
    private static readonly string[] s_order = ["avx512vnni", "avx512bf16", "avx512vpopcntdq", "avx512", "avxvnni", "avx2", "i8mm", "bf16", "advsimd", "vector", "scalar"];

    /// <summary>The forced tier, or null.</summary>
    public static string? Forced { get; } = Environment.GetEnvironmentVariable("ENGINE_TIER") is { Length: > 0 } t
        ? Array.IndexOf(s_order, t) >= 0 ? t : throw new Tensors.UnsupportedException($"ENGINE_TIER={t} is not one of {string.Join(", ", s_order)}")
        : null;

    /// <summary>True when no tier is forced, or this one does not come before the forced one.</summary>
    public static bool Allowed(string tier) => Forced is null || Array.IndexOf(s_order, tier) >= Array.IndexOf(s_order, Forced);

    /// <summary>Which of some tiers, best first, is taken: the forced one where it is among them, else the first allowed.</summary>
    public static string Pick(IEnumerable<string> tiers) => tiers.Contains(Forced) ? Forced! : tiers.First(Allowed);
}
