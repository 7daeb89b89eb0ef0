using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Products of two bf16 matrices, and a bias a column: summed in f32 and rounded once.</summary>
internal static unsafe class MatMulBf16Cpu
{
    /// <summary>Whether all operands are bf16 and the addend, if any, is a row.</summary>
    public static bool Accepts(MatMulGeometry g, Addend? addend, NodeTypes n) =>
        n.In(0).DType == DType.BF16 && n.In(1).DType == DType.BF16 && (addend is null || addend.Row == 0 && (addend.Column == 1 || g.N == 1));

    public static StepFn Bind(MatMulGeometry g, Addend? addend, BindContext b)
    {
        long panel = GemmBf16.PackedLength(g.K, g.N);
        int bias = addend is null ? -1 : b.Work(Checked.Mul(g.N, sizeof(float)));
        if (b.Weight(1) is not null)
        {
            // Matrices of a batch need not lie evenly.
            var layout = new PackedLayout("gemm-bf16", 1, $"{g.K}x{g.N} strides {g.BRow},{g.BColumn} at {string.Join(',', g.BStarts)}", DType.BF16, Checked.Mul(g.BStarts.Length, panel)) { IsStored = g.BStarts.Length == 1 };
            var packed = b.Pack(1, layout, (w, to, _) => PackAll(g, w.Decode().Span<BFloat16>(), to.Span<BFloat16>(), panel));
            return (in StepContext c) => Multiply(c, g, (BFloat16*)packed.Pointer, panel, Bias(c, g, addend, bias));
        }
        int work = b.Work(Checked.Mul(Checked.Mul(g.BStarts.Length, panel), sizeof(BFloat16)));
        return (in StepContext c) =>
        {
            PackAll(g, c.In<BFloat16>(1), c.Work<BFloat16>(work), panel);
            Multiply(c, g, (BFloat16*)c.WorkPointer(work), panel, Bias(c, g, addend, bias));
        };
    }

    private static void PackAll(MatMulGeometry g, ReadOnlySpan<BFloat16> source, Span<BFloat16> packed, long panel)
    {
        if (g.K == 0) return;
        for (int i = 0; i < g.BStarts.Length; i++)
            GemmBf16.PackB(source[(int)g.BStarts[i]..], g.K, g.N, (nint)g.BRow, (nint)g.BColumn, packed.Slice((int)(i * panel), (int)panel));
    }

    private static float* Bias(in StepContext c, MatMulGeometry g, Addend? addend, int work)
    {
        if (addend is null) return null;
        var from = c.In<BFloat16>(addend.Operand);
        var to = c.Work<float>(work)[..g.N];
        for (int j = 0; j < to.Length; j++) to[j] = addend.Factor * (float)from[j];
        return (float*)c.WorkPointer(work);
    }

    private static void Multiply(in StepContext c, MatMulGeometry g, BFloat16* packed, long panel, float* bias)
    {
        BFloat16* x = (BFloat16*)c.InPointer(0), y = (BFloat16*)c.OutPointer(0);
        for (int i = 0; i < g.Batch; i++)
            GemmBf16.Run(c.Workers, g.M, g.N, g.K, x + g.AStarts[i], (nint)g.ARow, (nint)g.AColumn, packed + g.BIndex[i] * panel, bias, new Bf16RowStore(y + (nint)i * g.M * g.N, g.N));
    }
}
