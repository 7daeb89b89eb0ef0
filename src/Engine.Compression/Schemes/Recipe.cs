using System.Globalization;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// What is done to a model: channels removed first, or layers of signs stored as such, then a scheme for what is left. The notation is <c>[prune:PART+]SCHEME</c>, or <c>prune:PART</c> alone, PART being a number or
/// <c>auto</c>; <c>binary[+SCHEME]</c>.
/// </summary>
/// <param name="Prune">Part of the channels of each group that is removed, 0 to less than 1.</param>
/// <param name="Scheme">The scheme of the layers left.</param>
public sealed record Recipe(double Prune, Scheme Scheme)
{
    internal const string Binary = "binary";
    private const string Prefix = "prune:", Auto = "auto";

    /// <summary>Layers of signs are stored as bits or trees (<see cref="CompressionOptions.Binary"/>).</summary>
    public bool IsBinary { get; init; }

    /// <summary>Each group loses a part of its own, so that a limit holds (<see cref="CompressionOptions.PruneWithin"/>).</summary>
    public bool IsAuto { get; init; }

    /// <summary>Reads a recipe, as in <c>prune:0.5+int8</c>. Throws <see cref="InputException"/>.</summary>
    public static Recipe Parse(string text)
    {
        if (text == Binary || text.StartsWith(Binary + "+", StringComparison.Ordinal)) return new(0, text == Binary ? Scheme.Float : Scheme.Parse(text[(Binary.Length + 1)..])) { IsBinary = true };
        if (!text.StartsWith(Prefix, StringComparison.Ordinal)) return new(0, Scheme.Parse(text));
        var parts = text[Prefix.Length..].Split('+', 2);
        if (parts.Length > 1 && (parts[1] == Binary || parts[1].StartsWith(Binary + "+", StringComparison.Ordinal))) throw new InputException($"'{text}': channels of layers of signs are not removed");
        var scheme = parts.Length > 1 ? Scheme.Parse(parts[1]) : Scheme.Float;
        if (parts[0] == Auto) return new(0, scheme) { IsAuto = true };
        if (!double.TryParse(parts[0], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double part) || part is not (> 0 and < 1))
            throw new InputException($"'{text}': {Prefix} takes the part of the channels to remove, more than 0 and less than 1, as in {Prefix}0.5, or {Auto}");
        return new(part, scheme);
    }
}
