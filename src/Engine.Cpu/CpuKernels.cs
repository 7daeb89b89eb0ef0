using Engine.Runtime;

namespace Engine.Cpu;

/// <summary>Which CPU kernel runs which operator; each family lists its own.</summary>
public static class CpuKernels
{
    /// <summary>Every kernel that ships with the engine.</summary>
    public static KernelRegistry Standard { get; } = Create();

    private static KernelRegistry Create()
    {
        var r = new KernelRegistry();
        MathKernels.Register(r);
        MovementKernels.Register(r);
        SpatialKernels.Register(r);
        LinearKernels.Register(r);
        ReductionKernels.Register(r);
        RecurrentKernels.Register(r);
        QuantizedKernels.Register(r);
        ContribKernels.Register(r);
        OwnKernels.Register(r);
        SequenceKernels.Register(r);
        TextKernels.Register(r);
        ControlKernels.Register(r);
        SignalKernels.Register(r);
        return r;
    }
}
