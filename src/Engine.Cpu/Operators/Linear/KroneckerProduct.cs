using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Σ_t A_t (X · S_tᵀ) for a sum of Kronecker products A_t ⊗ S_t of one shape: rows of x are cut in pieces that meet the inner factors, and the
/// outer ones, which are small, mix what comes out. Reads the factors alone, so it pays for few rows; for many the decoded matrix is as fast.
/// </summary>
internal sealed unsafe record KroneckerProduct(IReadOnlyList<LinearProduct> Inner, LinearMatrix W, Tensor Mix, int In, int Out) : LinearProduct("kronecker", Inner.All(p => p.IsExact))
{
    private const double BytesPerNanosecond = 10;
    private const int Alignment = 64;

    private int PieceIn => W.Inputs / In;

    private int PieceOut => W.Outputs / Out;

    // Rows that the mixing factors sum over: every piece in every term.
    private int Pieces => In * Inner.Count;

    /// <summary>With activations as they are, and with rounded ones where that is faster; none where terms differ in shape.</summary>
    public static IEnumerable<LinearProduct> Of(LinearMatrix m, int rows)
    {
        IReadOnlyList<Weight> terms = m.Weight is WeightSum s ? s.Terms : [m.Weight];
        if (terms[0] is not Kronecker { B.Shape.Rank: 2 } first || !terms.All(t => t is Kronecker k && k.A.Shape == first.A.Shape && k.B.Shape == first.B.Shape)) yield break;
        if (m.Inputs != m.StoredInputs || m.Outputs != m.StoredOutputs) yield break;
        int input = first.A.Shape.Int(m.IsTransposed ? 0 : 1), output = first.A.Shape.Int(m.IsTransposed ? 1 : 0);
        KroneckerProduct With(bool exactOnly) =>
            new([.. terms.Select(t => LinearProducts.Fastest(new LinearMatrix(((Kronecker)t).B, m.IsTransposed, m.Inputs / input, m.Outputs / output), rows * input, exactOnly))], m, Coefficients(terms, m.IsTransposed, input, output), input, output);
        yield return With(true);
        if (With(false) is { IsExact: false } fast) yield return fast;
    }

    // [outputs, pieces · terms]: what stands before term t of piece j.
    private static Tensor Coefficients(IReadOnlyList<Weight> terms, bool transposed, int input, int output)
    {
        var mix = Tensor.Allocate(DType.F32, new Shape(output, Checked.Mul(input, terms.Count)));
        var to = mix.Span<float>();
        for (int t = 0; t < terms.Count; t++)
        {
            var a = ((Kronecker)terms[t]).A.ToF32();
            var from = a.Span<float>();
            for (int i = 0; i < output; i++)
                for (int j = 0; j < input; j++) to[(i * input + j) * terms.Count + t] = transposed ? from[j * output + i] : from[i * input + j];
            GC.KeepAlive(a);
        }
        return mix;
    }

    public override double Nanoseconds(int rows) => Inner.Sum(p => p.Nanoseconds(rows * In)) + 2.0 * rows * Pieces * W.Outputs / (0.18 * Rates.Operations(GemmF32.Table)) + 12.0 * rows * Pieces * PieceOut / BytesPerNanosecond;

    private long PieceBytes(int rows) => Checked.AlignUp(Checked.Mul(sizeof(float), Checked.Mul(rows, Checked.Mul(Pieces, PieceOut))), Alignment);

    private long PanelBytes => Checked.AlignUp(Checked.Mul(sizeof(float), GemmF32.PackedLength(Pieces, PieceOut)), Alignment);

    public override long WorkBytes(int rows) => PieceBytes(rows) + Checked.Mul(rows, PanelBytes) + Checked.AlignUp(Inner.Max(p => p.WorkBytes(Checked.Int((long)rows * In))), Alignment);

    public override LinearFn Bind(BindContext b, int input)
    {
        LinearFn[] inner = [.. Inner.Select(p => p.Bind(b, input))];
        return (Workers workers, int rows, in LinearRows io, byte* work) =>
        {
            byte* panels = work + PieceBytes(rows);
            workers.Together(new Body(inner, rows, this, io, (float*)work, panels, panels + rows * PanelBytes));
        };
    }

    private readonly struct Body(LinearFn[] inner, int rows, KroneckerProduct p, LinearRows io, float* pieces, byte* panels, byte* work) : ITeamBody
    {
        public void Run(Workers team)
        {
            int pieceOut = p.PieceOut, pitch = inner.Length * pieceOut;
            // Rows of pieces are one matrix where rows of x lie in one line.
            int atOnce = io.RowStride == p.W.Inputs ? rows : 1;
            for (int row = 0; row < rows; row += atOnce)
                for (int t = 0; t < inner.Length; t++)
                    inner[t](team, atOnce * p.In, new LinearRows((nint)((float*)io.X + row * io.RowStride), p.PieceIn, 1, (nint)(pieces + (nint)row * p.In * pitch + t * pieceOut), pitch, LinearEpilogue.None), work);
            team.For(rows, 1, new MixBody(p, io, pieces, panels));
        }
    }

    private readonly struct MixBody(KroneckerProduct p, LinearRows io, float* pieces, byte* panels) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int k = p.Pieces, n = p.PieceOut;
            for (int r = start; r < end; r++)
            {
                float* packed = (float*)(panels + r * p.PanelBytes), y = (float*)io.Y + r * io.Stride;
                GemmF32.Pack(Workers.Single, k, n, pieces + (nint)r * k * n, n, 1, packed);
                GemmF32.Run(Workers.Single, p.Out, n, k, (float*)p.Mix.Pointer, k, 1, packed, y, n, default(NoEpilogue));
                if (!io.Epilogue.IsEmpty) io.Epilogue.Apply(r, 0, new(y, p.W.Outputs));
            }
        }
    }
}
