using Engine.Runtime;

namespace Engine.Cpu;

/// <summary>Which CPU kernel runs which operator; each family lists its own.</summary>
public static class CpuKernels
{
    /// <summary>Every kernel that ships with the engine.</summary>
    public static KernelRegistry Standard { get; } = Create(dyadic: false);

    /// <summary>
    /// The same, but 8-bit networks requantize by dyadic numbers, in integers alone, as accelerators without floats do: about one code in 1,700 differs by one from
    /// <see cref="Standard"/>. For <c>ModelOptions.Kernels</c>.
    /// </summary>
    public static KernelRegistry IntegerOnly { get; } = Create(dyadic: true);

    private static KernelRegistry Create(bool dyadic)
    {
        var r = new KernelRegistry();
        MathKernels.Register(r);
        MovementKernels.Register(r);
        SpatialKernels.Register(r);
        LinearKernels.Register(r);
        ReductionKernels.Register(r);
        RecurrentKernels.Register(r);
        QuantizedKernels.Register(r, dyadic);
        ContribKernels.Register(r);
        OwnKernels.Register(r);
        BinaryKernels.Register(r);
        SequenceKernels.Register(r);
        TextKernels.Register(r);
        ControlKernels.Register(r);
        SignalKernels.Register(r);
        return r;
    }
}
