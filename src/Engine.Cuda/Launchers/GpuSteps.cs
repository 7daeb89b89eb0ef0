using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Cuda;

/// <summary>What a step does with its value x, its operand b and its parameters p0 and p1; numbers as in <c>kernels/steps.cuh</c>.</summary>
public enum GpuStepOp
{
    /// <summary>x + b.</summary>
    Add,
    /// <summary>x − b.</summary>
    Subtract,
    /// <summary>b − x.</summary>
    SubtractFrom,
    /// <summary>x · b.</summary>
    Multiply,
    /// <summary>x / b.</summary>
    Divide,
    /// <summary>b / x.</summary>
    DivideInto,
    /// <summary>The larger; NaN where either is.</summary>
    Maximum,
    /// <summary>The smaller; NaN where either is.</summary>
    Minimum,
    /// <summary>p0 · x + p1.</summary>
    Affine,
    /// <summary>|x|.</summary>
    Absolute,
    /// <summary>−x.</summary>
    Negate,
    /// <summary>√x.</summary>
    SquareRoot,
    /// <summary>1 / x.</summary>
    Reciprocal,
    /// <summary>The whole number at or below x.</summary>
    Floor,
    /// <summary>The whole number at or above x.</summary>
    Ceiling,
    /// <summary>The nearest whole number, ties to even.</summary>
    Round,
    /// <summary>eˣ.</summary>
    Exponential,
    /// <summary>Natural logarithm.</summary>
    Logarithm,
    /// <summary>Error function.</summary>
    Erf,
    /// <summary>max(x, 0).</summary>
    Relu,
    /// <summary>min(max(x, p0), p1).</summary>
    Clip,
    /// <summary>1 / (1 + e⁻ˣ).</summary>
    Sigmoid,
    /// <summary>Hyperbolic tangent.</summary>
    Tanh,
    /// <summary>x, or p0 · x below zero.</summary>
    LeakyRelu,
    /// <summary>min(max(p0 · x + p1, 0), 1).</summary>
    HardSigmoid,
    /// <summary>x · min(max(x + 3, 0), 6) / 6.</summary>
    HardSwish,
    /// <summary>x, or p0 · (eˣ − 1) below zero.</summary>
    Elu,
    /// <summary>log(1 + eˣ).</summary>
    Softplus,
    /// <summary>x / (1 + |x|).</summary>
    Softsign,
    /// <summary>½ · x · (1 + erf(x / √2)).</summary>
    Gelu,
    /// <summary>Gelu by its approximation with tanh.</summary>
    GeluTanh,
    /// <summary>x · sigmoid(p0 · x).</summary>
    Swish,
    /// <summary>x · tanh(log(1 + eˣ)).</summary>
    Mish,
    /// <summary>x².</summary>
    Square,
}

/// <summary>Which element of a step's operand meets element i of the result; numbers as in <c>kernels/steps.cuh</c>.</summary>
public enum GpuOperand
{
    /// <summary>None: the parameter p0 stands for it.</summary>
    None,
    /// <summary>Element i.</summary>
    Every,
    /// <summary>Element i mod extent: rows of extent elements.</summary>
    Column,
    /// <summary>Element (i / inner) mod extent.</summary>
    Channel,
}

/// <summary>One elementwise step, laid out as <c>Step</c> of <c>kernels/steps.cuh</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct GpuStep
{
    private readonly int _op, _kind;
    private readonly float _p0, _p1;
    private readonly uint _inner, _extent;
    private readonly ulong _operand;

    private GpuStep(GpuStepOp op, GpuOperand kind, float p0, float p1, uint inner, uint extent, ulong operand) => (_op, _kind, _p0, _p1, _inner, _extent, _operand) = ((int)op, (int)kind, p0, p1, Math.Max(1, inner), Math.Max(1, extent), operand);

    /// <summary>A function of x alone.</summary>
    public static GpuStep Unary(GpuStepOp op, float p0 = 0, float p1 = 0) => op >= GpuStepOp.Affine ? new(op, GpuOperand.None, p0, p1, 1, 1, 0) : throw new ArgumentOutOfRangeException(nameof(op), $"{op} takes an operand");

    /// <summary>A function of x and a number.</summary>
    public static GpuStep With(GpuStepOp op, float operand) => Binary(op, GpuOperand.None, GpuSpan.None, operand, 1, 1);

    /// <summary>A function of x and a tensor of the result's shape.</summary>
    public static GpuStep With(GpuStepOp op, GpuSpan operand) => Binary(op, GpuOperand.Every, operand, 0, 1, 1);

    /// <summary>A function of x and a tensor along one axis: <paramref name="extent"/> elements, each for <paramref name="inner"/> neighbours.</summary>
    public static GpuStep Along(GpuStepOp op, GpuSpan operand, uint extent, uint inner = 1) => Binary(op, inner == 1 ? GpuOperand.Column : GpuOperand.Channel, operand, 0, inner, extent);

    private static GpuStep Binary(GpuStepOp op, GpuOperand kind, GpuSpan operand, float p0, uint inner, uint extent) =>
        op < GpuStepOp.Affine ? new(op, kind, p0, 0, inner, extent, operand.Address) : throw new ArgumentOutOfRangeException(nameof(op), $"{op} takes no operand");
}

/// <summary>Up to six steps, laid out as <c>Steps</c> of <c>kernels/steps.cuh</c>: what a kernel does with a value before it stores it.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct GpuSteps
{
    /// <summary>The most steps.</summary>
    public const int Most = 6;

    private int _count;
#pragma warning disable CS0169, IDE0044, IDE0051 // the kernel's struct has these bytes
    private int _padding;
#pragma warning restore CS0169, IDE0044, IDE0051
    private StepArray _steps;

    /// <summary>No steps: values are stored as they are.</summary>
    public static GpuSteps None => default;

    /// <summary>The steps in order. Throws for more than <see cref="Most"/>.</summary>
    public static GpuSteps Of(params ReadOnlySpan<GpuStep> steps)
    {
        if (steps.Length > Most) throw new ArgumentException($"{steps.Length} steps, at most {Most}");
        var all = new GpuSteps { _count = steps.Length };
        for (int i = 0; i < steps.Length; i++) all._steps[i] = steps[i];
        return all;
    }

    [InlineArray(Most)]
    private struct StepArray
    {
        private GpuStep _first;
    }
}
