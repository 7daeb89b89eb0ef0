using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Convert steps between plain tensors and tensors with blocked channels.</summary>
internal static class BlockedConvertCpu
{
    /// <summary>Nanoseconds of a conversion.</summary>
    public static double Estimate(TensorType type, Encoding from, Encoding to)
    {
        double bytesPerNanosecond = GemmF32.Table.Tier switch { "avx512" or "avx2" => 50, "vector" or "advsimd" => 15, _ => 2 };
        return 300 + (from.StorageBytes(type) + to.StorageBytes(type)) / bytesPerNanosecond;
    }

    public static StepFn? Bind(TensorType type, Encoding from, Encoding to)
    {
        if (type.DType != DType.F32 || type.Shape.Rank < 2) return null;
        int n = type.Shape.Int(0), c = type.Shape.Int(1), spatial = type.Shape.Count(2, type.Shape.Rank);
        return (from, to) switch
        {
            (PlainEncoding, BlockedEncoding { Axis: 1, Block: var block }) => (in StepContext s) => BlockedConvert.ToBlocked(s.Workers, s.In<float>(0), n, c, spatial, block, s.Out<float>(0)),
            (BlockedEncoding { Axis: 1, Block: var block }, PlainEncoding) => (in StepContext s) => BlockedConvert.FromBlocked(s.Workers, s.In<float>(0), n, c, spatial, block, s.Out<float>(0)),
            _ => null,
        };
    }
}
