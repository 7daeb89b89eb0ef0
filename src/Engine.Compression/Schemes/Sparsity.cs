using System.Globalization;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Which part of a weight is zero. The notation is <c>2:4</c> (2 of each 4 consecutive input channels of a tap are kept), <c>sparse:0.9</c> (zeros anywhere) or
/// <c>sparse:0.9x8x4</c> (whole blocks of 8 rows by 4 columns are zero).
/// </summary>
/// <param name="Zeros">Part of the weights that is zero, more than 0 and less than 1.</param>
/// <param name="N">Weights kept of each group; 0 without groups.</param>
/// <param name="M">Weights a group: 2, 4, 8 or 16; 0 without groups.</param>
/// <param name="Height">Rows of a block.</param>
/// <param name="Width">Columns of a block.</param>
public sealed record Sparsity(double Zeros, int N = 0, int M = 0, int Height = 1, int Width = 1)
{
    private const string Prefix = "sparse:";
    private const int MostBlock = 256;

    /// <summary>True where every group keeps as many weights.</summary>
    public bool IsGrouped => M > 0;

    /// <summary>True where whole blocks are kept or zero.</summary>
    public bool IsBlocks => Height * Width > 1;

    /// <summary>N of every M.</summary>
    public static Sparsity Of(int n, int m) => new(1 - (double)n / m, n, m);

    /// <summary>Reads the notation; null for text that is none. Throws <see cref="InputException"/> for numbers that make no sense.</summary>
    internal static Sparsity? TryParse(string text)
    {
        static int Int(string t) => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out int v) ? v : 0;
        if (text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            string[] parts = text[Prefix.Length..].Split('x');
            bool percent = parts[0].EndsWith('%');
            double zeros = double.TryParse(percent ? parts[0][..^1] : parts[0], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double v) ? percent ? v / 100 : v : 0;
            int[] block = [.. parts.Skip(1).Select(Int)];
            return zeros is > 0 and < 1 && block.Length is 0 or 2 && Array.TrueForAll(block, b => b is >= 1 and <= MostBlock)
                ? new(zeros, Height: block.ElementAtOrDefault(0) is > 0 and var h ? h : 1, Width: block.ElementAtOrDefault(1) is > 0 and var w ? w : 1)
                : throw new InputException($"'{text}': expected the part that is zero, more than 0 and less than 1, as in {Prefix}0.9 or {Prefix}0.9x8x4");
        }
        if (text.Split(':') is not [{ Length: > 0 } n, { Length: > 0 } m] || !n.All(char.IsAsciiDigit) || !m.All(char.IsAsciiDigit)) return null;
        return Int(m) is 2 or 4 or 8 or 16 && Int(n) >= 1 && Int(n) < Int(m) ? Of(Int(n), Int(m)) : throw new InputException($"'{text}': expected N:M with M 2, 4, 8 or 16 and N less than M, as in 2:4");
    }

    /// <summary>True where the layer can be sparse so: its products read enough channels a tap. Others, as depthwise filters and tables, stay dense.</summary>
    internal bool Fits(Layer layer) => layer.IsProduct && layer.Columns / layer.Taps is var channels && (IsGrouped ? channels >= M : channels > 1 && layer.Rows >= Height && layer.Columns >= Width);

    /// <inheritdoc/>
    public override string ToString() => IsGrouped ? string.Create(CultureInfo.InvariantCulture, $"{N}:{M}")
        : string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Zeros:0.######}{(IsBlocks ? $"x{Height}x{Width}" : "")}");
}
