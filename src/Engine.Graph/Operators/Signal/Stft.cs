using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX STFT: transforms of windowed frames of [batch, samples, 1 or 2], giving [batch, frames, bins, 2]. Inputs: signal, frame step,
/// window, frame length; one of the last two may be absent.
/// </summary>
public sealed class Stft(Attributes a) : Operator(a)
{
    /// <summary>True to give only the first ⌊n/2⌋ + 1 bins.</summary>
    public bool IsOneSided { get; } = a.Bool("onesided", true);

    /// <inheritdoc/>
    public override string Name => "STFT";

    /// <summary>Frame step and length, given the values of inputs 1 and 3.</summary>
    public static (long Step, long Length) Form(long[] step, long[]? length, Shape? window)
    {
        if (step.Length != 1 || length is { Length: not 1 }) throw new OperatorException("frame_step and frame_length must have one element");
        long n = length?[0] ?? (window is { Rank: 1 } w ? w[0] : throw new OperatorException("neither window nor frame_length is given"));
        if (step[0] <= 0 || n <= 0) throw new OperatorException($"frame step {step[0]} and length {n} must be positive");
        return (step[0], n);
    }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        c.Require(0, DType.F32, DType.F64, DType.F16, DType.BF16);
        var x = c.Shape(0);
        long[]? length = null;
        if (!c.TryLongs(1, out var step) | (c.Has(3) && !c.TryLongs(3, out length))) return;
        var (hop, n) = Form(step, length, c.Has(2) ? c.Shape(2) : null);
        if (x.Rank is not (2 or 3)) throw new OperatorException($"signal has shape {x}, expected [batch, samples, 1 or 2]");
        bool complex = x.Rank == 3 && x[2] == 2;
        if (x.Rank == 3 && x[2] is not (1 or 2)) throw new OperatorException($"last axis of signal {x} must be 1 (real) or 2 (complex)");
        if (IsOneSided && complex) throw new OperatorException("a onesided transform takes real input");
        if (n > x[1]) throw new OperatorException($"frames of {n} samples do not fit a signal of {x[1]}");
        if (c.Has(2))
        {
            c.RequireSame(0, 2);
            if (c.Shape(2).Rank != 1 || c.Shape(2)[0] != n) throw new OperatorException($"window of shape {c.Shape(2)} does not fit frames of {n} samples");
        }
        c.Set(0, c.DType(0), new Shape(x[0], (x[1] - n) / hop + 1, IsOneSided ? n / 2 + 1 : n, 2));
    }

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(50 * c.OutputElements, c.TotalBytes);
}
