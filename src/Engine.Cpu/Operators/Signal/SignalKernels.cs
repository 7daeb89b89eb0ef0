using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class SignalKernels
{
    public static void Register(KernelRegistry r)
    {
        r.Add<Adagrad>("optimizer", OptimizerCpu.Bind);
        r.Add<Adam>("optimizer", OptimizerCpu.Bind);
        r.Add<BlackmanWindow>("window", WindowCpu.Bind);
        r.Add<Dft>("dft", DftCpu.Bind);
        r.Add<HammingWindow>("window", WindowCpu.Bind);
        r.Add<HannWindow>("window", WindowCpu.Bind);
        r.Add<MelWeightMatrix>("mel", MelWeightMatrixCpu.Bind);
        r.Add<Momentum>("optimizer", OptimizerCpu.Bind);
        r.Add<Stft>("stft", StftCpu.Bind);
    }

    /// <summary>A scalar of any number type.</summary>
    public static double Scalar(in StepContext c, int input, DType type) => type switch
    {
        DType.F32 => c.In<float>(input)[0],
        DType.F64 => c.In<double>(input)[0],
        DType.F16 => (double)c.In<Half>(input)[0],
        DType.BF16 => (float)c.In<BFloat16>(input)[0],
        DType.I32 => c.In<int>(input)[0],
        DType.I64 => c.In<long>(input)[0],
        _ => throw new UnsupportedException($"a scalar of type {type.Display()} is not supported"),
    };
}
