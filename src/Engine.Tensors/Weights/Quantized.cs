using System.Globalization;

namespace Engine.Tensors;

/// <summary>How elements share scales.</summary>
public enum Granularity
{
    /// <summary>One scale.</summary>
    Tensor,
    /// <summary>A scale an index of the axis.</summary>
    Channel,
    /// <summary>A scale a run of indices of the axis.</summary>
    Group,
}

/// <summary>
/// Codes of 1 to 8 bits: x = scale · (q − zero), or scale · q + minimum, or scale · table[q].
/// <para>Layout: codes in row-major order of the shape as one <see cref="BitStream"/> without padding, so that 8-bit codes are plain bytes
/// and 4-bit codes lie low nibble first, as ONNX stores both. Codes are unsigned, or two's complement.</para>
/// <para>Scales lie in row-major order: [1], [axis], or [outer…, ⌈axis / group⌉, inner…]; so do zero points (or one for all) and minima. All are
/// weights themselves: dense f32, f16 or bf16, E8M0 (<see cref="PowersOfTwo"/>), a power of two times one base (<see cref="PowerSteps"/>), or
/// quantized again (two-level scales). Without zero points z is 0 for signed codes and beside minima, 2^(bits−1) for unsigned ones. Tables that have
/// names are in <see cref="CodeTable"/>: MXFP4 is 4 bits in groups of 32 with E2M1 and E8M0 scales.</para>
/// <para>Range: scale · [0 − z, 2^bits − 1 − z], or minimum + scale · [0, 2^bits − 1]. Reason: fewer bytes a weight, where bandwidth is the limit.</para>
/// </summary>
public sealed class Quantized : EncodedWeight
{
    /// <summary>Creates the weight; the arguments are checked against each other.</summary>
    /// <param name="shape">Logical shape.</param>
    /// <param name="bits">Bits a code, 1 to 8.</param>
    /// <param name="codes">Bytes (any 8-bit or packed 4-bit type) of the code stream.</param>
    /// <param name="granularity">How elements share scales.</param>
    /// <param name="scale">The scales.</param>
    /// <param name="zero">The zero points, as many as scales or one for all, or null.</param>
    /// <param name="signed">Codes are two's complement.</param>
    /// <param name="axis">The axis of channels or groups; negative counts from the end.</param>
    /// <param name="group">Indices of the axis a group.</param>
    /// <param name="table">What the 2^bits codes stand for, f32; excludes zero points and signed codes.</param>
    /// <param name="dtype">Logical element type: f32, f16 or bf16.</param>
    /// <param name="minimum">What code 0 stands for, as many values as scales; excludes zero points, tables and signed codes.</param>
    public Quantized(Shape shape, int bits, Tensor codes, Granularity granularity, Weight scale, Weight? zero = null, bool signed = false, int axis = 0, int group = 0, Tensor? table = null, DType dtype = DType.F32, Weight? minimum = null)
        : base(shape, dtype)
    {
        Require(bits is >= 1 and <= 8, $"codes have 1 to 8 bits, not {bits}");
        Require(codes.DType.BitWidth() is 8 or 4, $"a code stream is bytes, not {codes.DType.Display()}");
        Require(codes.ByteLength == BitStream.Bytes(shape.Elements, bits), $"{shape.Elements} codes of {bits} bits take {BitStream.Bytes(shape.Elements, bits)} bytes, not {codes.ByteLength}");
        Require(axis >= -shape.Rank && axis < shape.Rank, $"axis {axis} is outside shape {shape}");
        if (axis < 0) axis += shape.Rank;
        long extent = shape[axis], inner = shape.Product(axis + 1, shape.Rank);
        Require(granularity != Granularity.Group || group > 0, $"group size {group} is not positive");
        long scales = granularity switch
        {
            Granularity.Tensor => 1,
            Granularity.Channel => extent,
            _ => Checked.Mul(Checked.Mul(shape.Product(0, axis), Checked.CeilDiv(extent, group)), inner),
        };
        Require(scale.Shape.Elements == scales, $"{scales} scales expected, got {scale.Shape.Elements}");
        Require(zero is null || zero.Shape.Elements == scales || zero.Shape.Elements == 1, $"{scales} zero points or one expected, got {zero?.Shape.Elements}");
        Require(minimum is null || minimum.Shape.Elements == scales, $"{scales} minima expected, got {minimum?.Shape.Elements}");
        Require(minimum is null || zero is null && table is null && !signed, "minima exclude zero points, a code table and signed codes");
        if (table is not null)
        {
            Require(zero is null && !signed, "a code table excludes zero points and signed codes");
            Require(table.DType == DType.F32 && table.Shape.Elements == 1 << bits, $"a table of {bits}-bit codes holds {1 << bits} values of f32, not {table}");
        }
        (Bits, Codes, Granularity, Scale, Zero, Signed, Axis, Group, Table, Minimum) = (bits, codes, granularity, scale, zero, signed, axis, group, table, minimum);
        Layout = granularity == Granularity.Tensor ? QuantLayout.PerTensor(shape.Elements) : new QuantLayout(shape.Elements, extent, inner, granularity == Granularity.Group ? group : 0);
    }

    /// <summary>Bits a code.</summary>
    public int Bits { get; }

    /// <summary>The code stream.</summary>
    public Tensor Codes { get; }

    /// <summary>How elements share scales.</summary>
    public Granularity Granularity { get; }

    /// <summary>Which elements share a scale.</summary>
    public QuantLayout Layout { get; }

    /// <summary>The scales.</summary>
    public Weight Scale { get; }

    /// <summary>The zero points, as many as scales or one for all; null for the middle of the code range, or with <see cref="Minimum"/>.</summary>
    public Weight? Zero { get; }

    /// <summary>What code 0 stands for, a value a scale, or null.</summary>
    public Weight? Minimum { get; }

    /// <summary>True when codes are two's complement.</summary>
    public bool Signed { get; }

    /// <summary>The axis of channels or groups.</summary>
    public int Axis { get; }

    /// <summary>Indices of the axis that share a scale; 0 without groups.</summary>
    public int Group { get; }

    /// <summary>What codes stand for, or null when for themselves.</summary>
    public Tensor? Table { get; }

    /// <inheritdoc/>
    public override long StoredBytes => Codes.ByteLength + Scale.StoredBytes + (Zero?.StoredBytes ?? 0) + (Minimum?.StoredBytes ?? 0) + (Table?.ByteLength ?? 0);

    /// <inheritdoc/>
    public override string Describe()
    {
        string share = Granularity switch { Granularity.Tensor => "tensor", Granularity.Channel => "channel", _ => string.Create(CultureInfo.InvariantCulture, $"g{Group}") };
        return string.Create(CultureInfo.InvariantCulture, $"Quantized({Bits}, {share}{(Zero is null ? "" : ", zero")}{(Minimum is null ? "" : ", minimum")}{(Table is null ? "" : ", " + (CodeTable.Name(Table) ?? "table"))}{(Scale is Dense ? "" : ", " + Scale.Describe())})");
    }

    /// <summary>The transpose of a matrix, in codes and scales of its own.</summary>
    public Quantized Transposed()
    {
        Require(Shape.Rank == 2, $"shape {Shape} is no matrix");
        var codes = Tensor.Allocate(DType.U8, new Shape(Codes.ByteLength));
        for (int r = 0; r < Rows; r++)
            for (int k = 0; k < Columns; k++) BitStream.Set(codes.Bytes, (long)k * Rows + r, Bits, BitStream.Get(Codes.Bytes, (long)r * Columns + k, Bits));
        // Scales of groups lie as the matrix does.
        Weight Turned(Weight s) => Granularity != Granularity.Group || s.Shape.Elements == 1 ? s
            : new Dense(s.ToF32().Reshape(Axis == 0 ? new Shape(s.Shape.Elements / Columns, Columns) : new Shape(Rows, s.Shape.Elements / Rows)).Transposed());
        return new(new Shape(Columns, Rows), Bits, codes, Granularity, Turned(Scale), Zero is null ? null : Turned(Zero), Signed, 1 - Axis, Group, Table, DType, Minimum is null ? null : Turned(Minimum));
    }

    private protected override void DecodeTo(Span<float> y)
    {
        var codes = Codes.Bytes;
        Tensor scales = Scale.ToF32(), zeros = (Zero ?? Scale).ToF32(), minima = (Minimum ?? Scale).ToF32();
        ReadOnlySpan<float> s = scales.Span<float>(), z = zeros.Span<float>(), m = minima.Span<float>(), table = Table is null ? default : Table.Span<float>();
        bool shared = z.Length == 1;
        float middle = Signed || Minimum is not null ? 0 : 1 << (Bits - 1);
        int unused = 32 - Bits;
        Span<byte> q = stackalloc byte[256];
        for (long at = 0; at < y.Length;)
        {
            var (k, run) = Layout.Segment(at, out int step);
            int n = (int)Math.Min(run, q.Length);
            BitStream.Unpack(codes, at, q[..n], Bits);
            var to = y.Slice((int)at, n);
            for (int i = 0; i < n; i++, k += step)
            {
                float x = Table is not null ? table[q[i]] : (Signed ? q[i] << unused >> unused : q[i]) - (Zero is null ? middle : z[shared ? 0 : (int)k]);
                x *= s[(int)k];
                to[i] = Minimum is null ? x : x + m[(int)k];
            }
            at += n;
        }
        GC.KeepAlive(scales);
        GC.KeepAlive(zeros);
        GC.KeepAlive(minima);
    }
}
