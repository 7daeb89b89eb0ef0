using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>MatMulNBits by decoding the weight: once where it is constant, else for every run.</summary>
internal static unsafe class MatMulNBitsCpu
{
    public static StepFn Bind(MatMulNBits op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        var g = op.Geometry(b.In(0).Shape);
        var scales = new FloatOperand(b, 2);
        FloatOperand? zeros = b.Has(3) && b.In(3).DType != DType.U8 ? new(b, 3) : null;
        long length = GemmF32.PackedLength(op.K, op.N);
        if (b.Weight(1) is not null && b.Value(2) is { } s && (!b.Has(3) || b.Value(3) is not null) && (!b.Has(4) || b.Value(4) is not null))
        {
            var (z, order) = (b.Has(3) ? b.Value(3) : null, b.Has(4) ? b.Value(4) : null);
            // Scales and zero points are operands of the node.
            var layout = new PackedLayout("gemm-f32", 1, $"{b.Node.Name} {op.N}x{op.K} of {op.Bits} bits", DType.F32, length) { IsStored = false };
            var packed = b.Pack(1, layout, (w, to, workers) =>
            {
                var dense = Tensor.Allocate(DType.F32, new Shape(op.N, op.K));
                op.Decode(w.Decode().Bytes, F32(s), z is { DType: DType.U8 } ? z.Bytes : default, z is { DType: not DType.U8 } ? F32(z) : default, order is null ? default : order.Span<int>(), dense.Span<float>());
                GemmF32.Pack(workers, op.K, op.N, (float*)dense.Pointer, 1, op.K, (float*)to.Pointer);
                GC.KeepAlive(dense);
            });
            return (in StepContext c) => Multiply(c, g, (float*)packed.Pointer);
        }
        int decoded = b.Work(Checked.Mul(4, Checked.Mul(op.N, op.K))), panels = b.Work(Checked.Mul(4, length));
        return (in StepContext c) =>
        {
            op.Decode(c.In<byte>(1), scales.Read(c), zeros is null ? c.In<byte>(3) : default, zeros is { } z ? z.Read(c) : default, c.In<int>(4), c.Work<float>(decoded));
            GemmF32.Pack(c.Workers, op.K, op.N, (float*)c.WorkPointer(decoded), 1, op.K, (float*)c.WorkPointer(panels));
            Multiply(c, g, (float*)c.WorkPointer(panels));
        };
    }

    private static ReadOnlySpan<float> F32(Tensor t) => new Dense(t).ToF32().Span<float>();

    private static void Multiply(in StepContext c, MatMulGeometry g, float* packed)
    {
        var epilogue = c.Has(5) ? LinearEpilogue.Bias((float*)c.InPointer(5)) : LinearEpilogue.None;
        for (int i = 0; i < g.Batch; i++)
            GemmF32.Run(c.Workers, g.M, g.N, g.K, (float*)c.InPointer(0) + g.AStarts[i], (nint)g.ARow, (nint)g.AColumn, packed, (float*)c.OutPointer(0) + (nint)i * g.M * g.N, g.N, epilogue);
    }
}
