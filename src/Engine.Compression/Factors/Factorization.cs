using System.Globalization;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>What a weight is factored into.</summary>
public enum FactorKind
{
    /// <summary>Two thin matrices; of a convolution: its window to few channels, then 1 × 1.</summary>
    LowRank,
    /// <summary>A convolution as two: its window's height, then its width.</summary>
    Spatial,
    /// <summary>A convolution as three: 1 × 1, the window between few channels, 1 × 1 (Tucker-2).</summary>
    Tucker,
    /// <summary>A convolution as four: 1 × 1, the window's height and its width a channel at a time, 1 × 1 (CP).</summary>
    Canonical,
}

/// <summary>How a rank is found.</summary>
public enum RankRule
{
    /// <summary>It is given.</summary>
    Number,
    /// <summary>The largest whose factors hold a part of the dense parameters.</summary>
    Part,
    /// <summary>The least that keeps a part of the energy (of the sum of the squares of singular values).</summary>
    Energy,
}

/// <summary>What the vectors of factors are chosen for.</summary>
public enum FactorMethod
{
    /// <summary>The weight itself: its singular vectors.</summary>
    Plain,
    /// <summary>The layer's outputs on the calibration samples: singular vectors of the weight times its inputs.</summary>
    Outputs,
    /// <summary>The outputs less their means, which go to the bias (Atomic Feature Mimicking).</summary>
    CentredOutputs,
}

/// <summary>The factors a layer is to have. The notation is <c>low-rank:64</c>, <c>low-rank:50%</c>, <c>low-rank:energy=95%</c> or <c>low-rank:break-even</c>; so for <c>spatial</c>, <c>tucker</c> and <c>cp</c>.</summary>
/// <param name="Kind">The form.</param>
/// <param name="Rule">How the rank is found.</param>
/// <param name="Value">The rank, or the part.</param>
/// <param name="Inputs">Rank of the input channels of a Tucker form, where it is another; else 0.</param>
public sealed record Factorization(FactorKind Kind, RankRule Rule, double Value, int Inputs = 0)
{
    private const string BreakEven = "break-even", Energy = "energy=";
    private const int MostRank = 1 << 20;

    private static readonly (string Name, FactorKind Kind)[] s_names = [("low-rank", FactorKind.LowRank), ("spatial", FactorKind.Spatial), ("tucker", FactorKind.Tucker), ("cp", FactorKind.Canonical)];

    /// <summary>A rank that is known.</summary>
    public static Factorization Of(FactorKind kind, int rank, int inputs = 0) => new(kind, RankRule.Number, rank, inputs == rank ? 0 : inputs);

    /// <summary>Reads the notation; null for text that begins otherwise or says no more than the name. Throws <see cref="InputException"/> for a rank that is none.</summary>
    internal static Factorization? TryParse(string text)
    {
        foreach (var (name, kind) in s_names)
        {
            if (!text.StartsWith(name + ":", StringComparison.Ordinal)) continue;
            string rank = text[(name.Length + 1)..];
            var none = new InputException($"'{text}': expected a rank as in {name}:64, {name}:50%{(kind == FactorKind.Canonical ? "" : $", {name}:energy=95%")} or {name}:{BreakEven}");
            if (rank == BreakEven) return new(kind, RankRule.Part, 1);
            bool energy = rank.StartsWith(Energy, StringComparison.Ordinal);
            if (energy && kind == FactorKind.Canonical) throw none;
            string number = energy ? rank[Energy.Length..] : rank;
            if (number.EndsWith('%'))
            {
                double part = double.TryParse(number.AsSpan(0, number.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double p) ? p / 100 : 0;
                return part is > 0 and <= 1 ? new(kind, energy ? RankRule.Energy : RankRule.Part, part) : throw none;
            }
            int[] ranks = [.. number.Split('x').Select(t => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out int r) && r is >= 1 and <= MostRank ? r : 0)];
            if (energy || ranks.Contains(0) || ranks.Length > (kind == FactorKind.Tucker ? 2 : 1)) throw none;
            return Of(kind, ranks[0], ranks.ElementAtOrDefault(1));
        }
        return null;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string percent = string.Create(CultureInfo.InvariantCulture, $"{Value * 100:0.####}%");
        string rank = Rule switch
        {
            RankRule.Number => string.Create(CultureInfo.InvariantCulture, $"{Value}{(Inputs == 0 ? "" : $"x{Inputs}")}"),
            RankRule.Energy => Energy + percent,
            _ => Value == 1 ? BreakEven : percent,
        };
        return $"{s_names.First(n => n.Kind == Kind).Name}:{rank}";
    }
}
