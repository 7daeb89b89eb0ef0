using System.Globalization;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>What the codes of a scheme stand for.</summary>
public enum CodeKind
{
    /// <summary>Not quantized.</summary>
    Float,
    /// <summary>Integers with a scale, and a zero point where asymmetric.</summary>
    Integer,
    /// <summary>−1, 0 and 1 with a scale, as 2-bit codes.</summary>
    Ternary,
    /// <summary>The signs with a scale.</summary>
    Sign,
    /// <summary>The 16 quantiles of a normal distribution (NF4).</summary>
    NormalFloat,
    /// <summary>E2M1 values with E8M0 scales (OCP MXFP4).</summary>
    Microscaling,
}

/// <summary>
/// How one layer is compressed: bits a weight, what shares a scale, and what happens to the activations. The notation is
/// <c>[FACTORS+][SPARSITY+]NAME[-gN|-channel][-asym]</c> (see <see cref="Factorization"/> and <see cref="Engine.Compression.Sparsity"/>), each of the parts alone too; see <see cref="Parse"/>.
/// </summary>
/// <param name="Kind">What codes stand for.</param>
/// <param name="Bits">Bits a code; 32 for float.</param>
/// <param name="Group">Columns that share a scale; 0 for a scale an output channel.</param>
public sealed record Scheme(CodeKind Kind, int Bits, int Group)
{
    /// <summary>Left as it is.</summary>
    public static Scheme Float { get; } = new(CodeKind.Float, 32, 0);

    /// <summary>Weights and activations 8 bits, scales fixed by calibration: a QDQ model.</summary>
    public static Scheme Int8 { get; } = new(CodeKind.Integer, 8, 0) { IsStatic = true };

    /// <summary>Weights in 8 bits, activations f32.</summary>
    public static Scheme W8 { get; } = new(CodeKind.Integer, 8, 0);

    /// <summary>Activations are quantized too, to 8 bits with scales fixed by calibration.</summary>
    public bool IsStatic { get; init; }

    /// <summary>Groups have a zero point.</summary>
    public bool IsAsymmetric { get; init; }

    /// <summary>What the weight is factored into before it is coded; null where it stays one.</summary>
    public Factorization? Factors { get; init; }

    /// <summary>Which weights become zero; null where none do.</summary>
    public Sparsity? Sparsity { get; init; }

    /// <summary>The scheme of the factors.</summary>
    public Scheme Codes => this with { Factors = null };

    /// <summary>The same codes without zeros.</summary>
    public Scheme Dense => this with { Sparsity = null };

    /// <summary>True when nothing is changed.</summary>
    public bool IsFloat => Kind == CodeKind.Float && Factors is null && Sparsity is null;

    /// <summary>What the codes stand for, in scales; null where they stand for integers.</summary>
    public Tensor? Table => Kind switch
    {
        CodeKind.Sign => Tensor.Vector(-1f, 1f),
        CodeKind.NormalFloat => CodeTable.Nf4,
        CodeKind.Microscaling => CodeTable.E2M1,
        _ => null,
    };

    /// <summary>
    /// Reads <c>low-rank:R</c>, <c>spatial:R</c>, <c>tucker:R</c> or <c>cp:R</c>, then <c>N:M</c> or <c>sparse:PART</c>, then codes, joined by <c>+</c>, each of them alone too. Codes are
    /// <c>float</c>, <c>int8</c> (static), <c>w8</c>, <c>int2</c> to <c>int7</c>, <c>ternary</c>, <c>sign</c>, <c>nf4</c> or <c>mxfp4</c>, followed by
    /// <c>-gN</c> (8 to 1024) or <c>-channel</c> and, for integers, <c>-asym</c>. Without group: 32, and a channel for 8 bits. Throws <see cref="InputException"/>.
    /// </summary>
    public static Scheme Parse(string text)
    {
        var joined = new Queue<string>(text.Split('+'));
        T? Next<T>(Func<string, T?> parse) where T : class
        {
            var found = joined.TryPeek(out string? part) ? parse(part) : null;
            if (found is not null) joined.Dequeue();
            return found;
        }
        var (factors, sparsity) = (Next(Factorization.TryParse), Next(Engine.Compression.Sparsity.TryParse));
        if (factors is null && sparsity is null && joined.Count != 1 || joined.Count > 1) throw Unknown(text);
        var codes = joined.Count == 0 ? Float : ParseCodes(joined.Dequeue());
        if (sparsity is not null && !codes.HoldsZeros(sparsity))
            throw new InputException(sparsity.IsGrouped ? $"scheme '{text}': zeros of {sparsity} lie among integers around zero, in groups of whole {sparsity.M}s" : $"scheme '{text}': zeros of {sparsity} lie among codes of 8 bits with a scale a channel, int8 or w8");
        return codes with { Factors = factors, Sparsity = sparsity };
    }

    // Zero has a code, and a group of zeros and weights a scale.
    private bool HoldsZeros(Sparsity sparsity) => Kind == CodeKind.Float || !sparsity.IsGrouped && this is { Kind: CodeKind.Integer, Bits: 8, Group: 0, IsAsymmetric: false } || sparsity.IsGrouped && Kind is CodeKind.Integer or CodeKind.Ternary && !IsAsymmetric && Group % sparsity.M == 0;

    private static Scheme ParseCodes(string text)
    {
        var parts = text.Split('-');
        var scheme = parts[0] switch
        {
            "float" or "f32" => Float,
            "int8" => Int8,
            "w8" => W8,
            "ternary" => new(CodeKind.Ternary, 2, 32),
            "sign" => new(CodeKind.Sign, 1, 32),
            "nf4" => new(CodeKind.NormalFloat, 4, 32),
            "mxfp4" => new(CodeKind.Microscaling, 4, 32),
            _ when parts[0].Length == 4 && parts[0].StartsWith("int", StringComparison.Ordinal) && parts[0][3] is >= '2' and <= '7' => new(CodeKind.Integer, parts[0][3] - '0', 32),
            _ => throw Unknown(text),
        };
        foreach (string p in parts.AsSpan(1))
        {
            bool free = scheme is { IsFloat: false, IsStatic: false, Kind: not CodeKind.Microscaling };
            if (p == "asym" && free && scheme.Kind == CodeKind.Integer) scheme = scheme with { IsAsymmetric = true };
            else if (p == "channel" && free) scheme = scheme with { Group = 0 };
            else if (free && p.Length > 1 && p[0] == 'g' && int.TryParse(p.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int g) && g is >= 8 and <= 1024 && g % 8 == 0) scheme = scheme with { Group = g };
            else throw Unknown(text);
        }
        return scheme;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        if (Factors is not null || Sparsity is not null) return string.Join('+', new object?[] { Factors, Sparsity, Kind == CodeKind.Float ? null : this with { Factors = null, Sparsity = null } }.OfType<object>());
        string name = Kind switch
        {
            CodeKind.Float => "float",
            CodeKind.Ternary => "ternary",
            CodeKind.Sign => "sign",
            CodeKind.NormalFloat => "nf4",
            CodeKind.Microscaling => "mxfp4",
            _ when IsStatic => "int8",
            _ => Bits == 8 ? "w8" : string.Create(CultureInfo.InvariantCulture, $"int{Bits}"),
        };
        string share = IsFloat || IsStatic || Group == (Bits == 8 ? 0 : 32) ? "" : Group == 0 ? "-channel" : string.Create(CultureInfo.InvariantCulture, $"-g{Group}");
        return name + share + (IsAsymmetric ? "-asym" : "");
    }

    private static InputException Unknown(string text) => new($"scheme '{text}' is not known: float, int8, w8, int2 to int7, ternary, sign, nf4 or mxfp4, with -gN (a multiple of 8) or -channel, and -asym for integers; or low-rank:R, spatial:R, tucker:R or cp:R, or N:M or sparse:PART, with + and one of these");
}
