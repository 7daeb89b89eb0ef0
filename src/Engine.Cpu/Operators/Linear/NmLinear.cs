using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>x · W for an N:M sparse W: activations are gathered by the positions of kept values.</summary>
internal abstract unsafe record NmLinear(string Stem, bool IsExact, LinearMatrix W, NmForm Form) : LinearProduct(Stem, IsExact)
{
    /// <summary>The products of a matrix that is sparse along its sums; none where it is not, or only a part of it is used.</summary>
    public static IEnumerable<LinearProduct> Of(LinearMatrix m, int rows)
    {
        if (m.Inputs != m.StoredInputs || m.Outputs != m.StoredOutputs || NmPatterns.Of(m.Weight, m.IsTransposed) is not { } form) yield break;
        if (m.Weight is SparseNM s && NmInt4Layout.Of(s) is { } layout)
        {
            yield return new NmInt4(m, form, layout);
            // Codes with the zeros are the faster ones with many rows, and in narrow vectors.
            if (NmPatterns.DenseCodes(s) is { } codes)
                foreach (var p in LowBitLinear.Of(m with { Weight = codes }, rows)) yield return p with { IsDense = true };
        }
        if (GemmNmF32.Supports(form)) yield return new NmF32(m, form);
        yield return new SpmmLinear(m, (double)m.Inputs * m.Outputs * form.N / form.M);
        if (NmPatterns.Codes(m.Weight) is { } q && !m.IsTransposed && Array.TrueForAll(QuantizedZeros.Of(q), z => z == (q.Signed ? 0 : 128))) yield return new NmInt8(m, form);
    }

    protected double Kept(int rows) => 2.0 * rows * W.Inputs * W.Outputs * Form.N / Form.M;
}

/// <summary>Values and activations in f32.</summary>
internal sealed unsafe record NmF32(LinearMatrix W, NmForm Form) : NmLinear("gemm-nm-f32", true, W, Form)
{
    // A permutation and a product share a port.
    private static double OperationsPerNanosecond => GemmNmF32.Table.Tier switch { "avx512" => 90, "avx2" => 58, "advsimd" => 40, _ => 0.65 };

    public override double Nanoseconds(int rows) => Rates.Product(Kept(rows) / OperationsPerNanosecond, 4.0 * GemmNmF32.PackedLength(Form, W.Inputs, W.Outputs)) + 4.0 * rows * (W.Inputs + W.Outputs) / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => 0;

    public override LinearFn Bind(BindContext b, int input)
    {
        var (k, n, form) = (W.Inputs, W.Outputs, Form);
        var (row, column) = W.IsTransposed ? (n, 1) : (1, k);
        var packed = b.Pack(input, W.Weight, $"gemm-nm-f32 {form} {k}x{n} {row},{column}", w =>
        {
            var (dense, y) = (w.ToF32(), Tensor.Allocate(DType.F32, new Shape(GemmNmF32.PackedLength(form, k, n))));
            if (!GemmNmF32.PackB(form, (float*)dense.Pointer, k, n, row, column, (float*)y.Pointer)) throw b.Unsupported(input);
            GC.KeepAlive(dense);
            return y;
        });
        return (Workers workers, int rows, in LinearRows io, byte* _) => GemmNmF32.Run(workers, form, rows, n, k, (float*)io.X, io.RowStride, (float*)packed.Pointer, (float*)io.Y, io.Stride, io.Epilogue);
    }
}

/// <summary>Values in 8 bits, activations rounded to 8 bits with a scale a row.</summary>
internal sealed unsafe record NmInt8(LinearMatrix W, NmForm Form) : NmLinear("gemm-nm-u8s8", false, W, Form)
{
    public override double Nanoseconds(int rows) =>
        Rates.Product(Kept(rows) / Rates.NmOperations(GemmNmU8S8.Table), GemmNmU8S8.PackedLength(Form, W.Inputs, W.Outputs)) + (double)rows * W.Inputs / RoundedRows.PerNanosecond + 4.0 * rows * (W.Inputs + W.Outputs) / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => RoundedRows.Bytes(rows, W.Inputs);

    public override LinearFn Bind(BindContext b, int input)
    {
        var (k, n, form, stride) = (W.Inputs, W.Outputs, Form, RoundedRows.Stride(W.Inputs));
        var packed = b.Pack(input, W.Weight, $"gemm-nm-u8s8 {form} {k}x{n}", w => Pack(w, b, input));
        var scales = NmPatterns.Codes(W.Weight)!.Scale.ToF32();
        return (Workers workers, int rows, in LinearRows io, byte* work) =>
        {
            RoundedRows.Run(workers, rows, k, io, work);
            GemmNmU8S8.Run(workers, form, rows, n, k, new GemmU8S8.Rows(work, false, RoundedRows.Zero, stride, 1), packed.Pointer, new ScaledStore<LinearEpilogue>((float*)io.Y, io.Stride, RoundedRows.Scales(work, rows, k), (float*)scales.Pointer, scales.Shape.Elements == 1, io.Epilogue));
        };
    }

    private Tensor Pack(Weight w, BindContext b, int input)
    {
        var q = NmPatterns.AllCodes(w);
        var y = Tensor.Allocate(DType.U8, new Shape(GemmNmU8S8.PackedLength(Form, W.Inputs, W.Outputs)));
        return GemmNmU8S8.PackB(Form, q.Codes.Bytes, q.Signed, QuantizedZeros.Of(q), W.Inputs, W.Outputs, 1, W.Inputs, y.Bytes) ? y : throw b.Unsupported(input);
    }
}

/// <summary>2:4 with values in 4 bits, activations rounded to 8 bits with a scale a group; row by row.</summary>
internal sealed unsafe record NmInt4(LinearMatrix W, NmForm Form, NmInt4Layout Layout) : NmLinear("gemv-nm-int4", false, W, Form)
{
    private static double OperationsPerNanosecond => NmInt4Gemv.Table.Tier switch { "avx512" => 157, "avx2" => 69, "advsimd" or "vector" => 15, _ => 0.5 };

    public override double Nanoseconds(int rows) =>
        Rates.Product(Kept(rows) / OperationsPerNanosecond, Layout.Panels * (double)Layout.PanelBytes) + (double)rows * W.Inputs / RoundedRows.PerNanosecond + 4.0 * rows * (W.Inputs + W.Outputs) / Rates.BytesPerNanosecond;

    public override long WorkBytes(int rows) => NmInt4Gemv.WorkBytes(Layout, rows);

    public override LinearFn Bind(BindContext b, int input)
    {
        var l = Layout;
        var packed = b.Pack(input, W.Weight, "gemv-nm-int4", w => l.Pack((SparseNM)w));
        return (Workers workers, int rows, in LinearRows io, byte* work) => NmInt4Gemv.Run(workers, l, packed.Pointer, rows, (float*)io.X, io.RowStride, work, (float*)io.Y, io.Stride, io.Epilogue);
    }
}
