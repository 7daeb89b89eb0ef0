using System.Globalization;
using Engine.Cli;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Weights in sparse and coded forms by name, always the same for a name and a shape.</summary>
internal static class ChoiceForms
{
    /// <summary>The names.</summary>
    public const string Names = "f32, N:M, csr-PERCENT, blocks-PERCENT (kept), alone or with +int8; int8, int4 and 2:4+int4 (groups of 32)";

    private const int CodeScale = 64, Group = 32, Height = 8, Width = 4;

    /// <summary>True where the values are codes.</summary>
    public static bool IsCoded(string form) => form.Contains("int", StringComparison.Ordinal);

    /// <summary>A weight [outputs, inputs…]; throws where there is no such form.</summary>
    public static Weight Make(string form, Shape shape)
    {
        string zeros = form.Split('+')[0], codes = IsCoded(form) ? form.Split('+')[^1] : "";
        if (codes is not ("" or "int8" or "int4")) throw Unknown(form);
        int taps = Checked.Int(shape.Product(2, shape.Rank)), columns = Checked.Int(shape.Product(1, shape.Rank));
        var values = Operand.Random(1, [.. shape.Dims]);
        var x = values.Span<float>();
        var kept = Kept(form, zeros == codes ? "" : zeros, columns, taps);
        int most = codes == "int4" ? 7 : 127;
        // Never 0 where something is kept: the form is found by its zeros.
        for (int i = 0; i < x.Length; i++) x[i] = kept(i) ? MathF.Round(x[i] * 2 * (most - 1)) switch { >= 0 and var v => v + 1, var v => v - 1 } / CodeScale : 0;
        return zeros switch
        {
            _ when zeros == codes => Codes(values, codes, columns),
            "f32" => new Dense(values),
            _ when zeros.StartsWith("csr-", StringComparison.Ordinal) => Csr(SparseCsr.From(new Dense(values)), codes),
            _ when zeros.StartsWith("blocks-", StringComparison.Ordinal) => Blocks(SparseBlocks.From(new Dense(values), Height, Width), codes),
            _ => SparseNM.From(codes == "" ? new Dense(values) : Codes(values, codes, columns), Number(zeros.Split(':')[0], form), Number(zeros.Split(':')[^1], form), taps),
        };
    }

    private static CommandException Unknown(string form) => CommandException.Usage($"--form {form}: there are {Names}");

    private static int Number(string text, string form) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n is >= 1 and <= 100 ? n : throw Unknown(form);

    private static Func<int, bool> Kept(string form, string zeros, int columns, int taps)
    {
        if (zeros is "" or "f32") return _ => true;
        if (zeros.Split(':') is [var n, var m])
        {
            int keep = Number(n, form), of = Number(m, form);
            return i => ((i % columns / taps + Hash(i / columns, i % columns / taps / of, i % taps) % of) % of) < keep;
        }
        int percent = Number(zeros.Split('-')[^1], form);
        return zeros.Split('-')[0] switch
        {
            "csr" => i => Hash(i, 0, 0) % 100 < percent,
            "blocks" => i => Hash(i / columns / Height, i % columns / Width, 1) % 100 < percent,
            _ => throw Unknown(form),
        };
    }

    // Bits that look random and are the same in every process.
    private static int Hash(int a, int b, int c)
    {
        ulong h = (ulong)a * 0x9E3779B97F4A7C15 + (ulong)b * 0xC2B2AE3D27D4EB4F + (ulong)c * 0x165667B19E3779F9;
        h = (h ^ h >> 29) * 0xBF58476D1CE4E5B9;
        return (int)((h ^ h >> 32) & int.MaxValue);
    }

    private static Tensor Coded(Tensor values)
    {
        var t = Tensor.Allocate(DType.I8, values.Shape);
        for (int i = 0; i < t.Shape.Count; i++) t.Span<sbyte>()[i] = (sbyte)MathF.Round(values.Span<float>()[i] * CodeScale);
        return t;
    }

    private static Quantized OneScale(Weight values) => new(values.Shape, 8, Coded(values.ToF32()), Granularity.Tensor, Scales(1), signed: true);

    private static Dense Scales(params ReadOnlySpan<long> dims)
    {
        var t = Operand.Zeros(dims);
        t.Span<float>().Fill(1f / CodeScale);
        return new(t);
    }

    private static SparseCsr Csr(SparseCsr s, string codes) => codes == "" ? s : new(s.Shape, s.Starts, s.ColumnIndices, OneScale(s.Values));

    private static SparseBlocks Blocks(SparseBlocks s, string codes) => codes == "" ? s : new(s.Shape, s.Height, s.Width, s.Starts, s.BlockColumns, OneScale(s.Values));

    private static Quantized Codes(Tensor values, string codes, int columns)
    {
        var (shape, coded) = (values.Shape, Coded(values));
        if (codes == "int8") return new(shape, 8, coded, Granularity.Channel, Scales(shape[0]), signed: true, axis: 0);
        var stream = Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(shape.Elements, 4)));
        for (int i = 0; i < coded.Shape.Count; i++) BitStream.Set(stream.Bytes, i, 4, coded.Span<sbyte>()[i] + 8);
        return new(shape, 4, stream, Granularity.Group, Scales(shape[0], Checked.CeilDiv(columns, Group), 1), axis: 1, group: Group);
    }
}
