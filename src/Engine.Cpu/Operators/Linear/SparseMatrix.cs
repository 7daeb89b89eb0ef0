using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>A matrix [outputs, inputs] of few entries, anywhere or in blocks, its rows scaled or not.</summary>
/// <param name="Form">A <see cref="SparseCsr"/> or <see cref="SparseBlocks"/>.</param>
/// <param name="Row">Factors of the rows, or null.</param>
internal sealed record SparseMatrix(Weight Form, Tensor? Row)
{
    private static readonly ConditionalWeakTable<Weight, StrongBox<long>> s_quads = [];

    /// <summary>The matrix that a weight is; null for any other form.</summary>
    public static SparseMatrix? Of(Weight? w) => w switch
    {
        SparseCsr or SparseBlocks => new(w, null),
        Scaled { Inner: SparseCsr or SparseBlocks, Row: { } row, Column: null } s => new(s.Inner, row),
        _ => null,
    };

    /// <summary>The values, in the order of the form.</summary>
    public Weight Values => Form is SparseCsr csr ? csr.Values : ((SparseBlocks)Form).Values;

    /// <summary>Entries that are stored.</summary>
    public double Entries => Values.Shape.Elements;

    /// <summary>8-bit codes with one scale, which less their zero point are s8; null for any other values.</summary>
    public Quantized? Codes => Values is Quantized { Bits: 8, Table: null, Minimum: null, DType: DType.F32, Granularity: Granularity.Tensor } q && QuantizedZeros.Of(q) is [var z] && z == (q.Signed ? 0 : 128) ? q : null;

    /// <summary>Runs of four columns that hold an entry.</summary>
    public long Quads => s_quads.GetValue(Form, static w => new(CountQuads(w))).Value;

    /// <summary>Scales of the codes, one or one a row.</summary>
    public Tensor Scales()
    {
        var scale = Codes!.Scale.ToF32();
        if (Row is null) return scale;
        var y = Tensor.Allocate(DType.F32, new Shape(Row.Shape.Elements));
        for (int i = 0; i < y.Shape.Count; i++) y.Span<float>()[i] = Row.Span<float>()[i] * scale.Span<float>()[0];
        return y;
    }

    /// <summary>The codes [outputs, inputs], less their zero point, with zeros where nothing is stored.</summary>
    public Tensor DenseCodes()
    {
        var (from, y) = (Codes!, Tensor.Allocate(DType.I8, Form.Shape));
        int columns = Checked.Int(Form.Shape.Product(1, Form.Shape.Rank)), rows = Form.Shape.Int(0);
        y.Bytes.Clear();
        ReadOnlySpan<byte> codes = from.Codes.Bytes;
        var to = y.Bytes;
        byte flip = (byte)(from.Signed ? 0 : 128);
        if (Form is SparseCsr csr)
        {
            var starts = csr.Starts.Span<int>();
            for (int r = 0; r < rows; r++)
                for (int i = starts[r]; i < starts[r + 1]; i++) to[r * columns + Column(csr, i)] = (byte)(codes[i] ^ flip);
            return y;
        }
        var s = (SparseBlocks)Form;
        ReadOnlySpan<int> first = s.Starts.Span<int>(), at = s.BlockColumns.Span<int>();
        for (int g = 0; g + 1 < first.Length; g++)
            for (int b = first[g]; b < first[g + 1]; b++)
                for (int i = 0; i < s.Height * s.Width; i++)
                    if (g * s.Height + i / s.Width is var r && r < rows && at[b] * s.Width + i % s.Width is var k && k < columns) to[r * columns + k] = (byte)(codes[b * s.Height * s.Width + i] ^ flip);
        return y;
    }

    /// <summary>The codes as a dense weight.</summary>
    public Quantized ToQuantized()
    {
        var scales = Scales();
        return new Quantized(Form.Shape, 8, DenseCodes(), scales.Shape.Elements == 1 ? Granularity.Tensor : Granularity.Channel, new Dense(scales), signed: true, axis: 0);
    }

    /// <summary>The values in f32 with the factors of their rows.</summary>
    public Tensor ScaledValues()
    {
        var values = Values.ToF32();
        if (Row is null) return values;
        var y = Tensor.Allocate(DType.F32, values.Shape);
        ReadOnlySpan<float> row = Row.Span<float>(), x = values.Span<float>();
        var to = y.Span<float>();
        var s = Form as SparseBlocks;
        var starts = (s?.Starts ?? ((SparseCsr)Form).Starts).Span<int>();
        int block = s is null ? 1 : s.Height * s.Width;
        for (int g = 0; g + 1 < starts.Length; g++)
            for (int i = starts[g] * block; i < starts[g + 1] * block; i++)
                if (s is null) to[i] = x[i] * row[g];
                else if (g * s.Height + i % block / s.Width is var r && r < row.Length) to[i] = x[i] * row[r];
        GC.KeepAlive(values);
        return y;
    }

    private static int Column(SparseCsr s, int i) => s.ColumnIndices.DType == DType.U16 ? s.ColumnIndices.Span<ushort>()[i] : s.ColumnIndices.Span<int>()[i];

    private static long CountQuads(Weight w)
    {
        if (w is SparseBlocks s) return (long)s.BlockColumns.Shape.Count * s.Height * Checked.CeilDiv(s.Width, 4);
        var csr = (SparseCsr)w;
        var starts = csr.Starts.Span<int>();
        long quads = 0;
        for (int r = 0; r + 1 < starts.Length; r++)
            for (int i = starts[r]; i < starts[r + 1]; i++) quads += i == starts[r] || Column(csr, i) / 4 != Column(csr, i - 1) / 4 ? 1 : 0;
        return quads;
    }
}
