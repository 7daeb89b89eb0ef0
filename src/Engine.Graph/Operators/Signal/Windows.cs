using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>A cosine window of the length in input 0: Σ coefficient[j]·cos(2πj·n/N), N = length, or length − 1 when symmetric.</summary>
public abstract class CosineWindow : Operator
{
    private protected CosineWindow(Attributes a, params double[] coefficients) : base(a)
    {
        Coefficients = coefficients;
        IsPeriodic = a.Bool("periodic", true);
        Output = (DType)a.Int("output_datatype", (long)DType.F32);
    }

    /// <summary>Factors of the cosines.</summary>
    public IReadOnlyList<double> Coefficients { get; }

    /// <summary>True to repeat with the length.</summary>
    public bool IsPeriodic { get; }

    /// <summary>Element type of the result.</summary>
    protected DType Output { get; }

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        SignalTypes.Require(Output);
        if (!c.TryLongs(0, out var size)) return;
        if (size.Length != 1) throw new OperatorException($"length has {size.Length} elements, expected one");
        if (size[0] < 0) throw new OperatorException($"length {size[0]} is negative");
        c.Set(0, Output, new Shape(size[0]));
    }
}

/// <summary>Element types that windows and weight matrices may be asked for.</summary>
internal static class SignalTypes
{
    public static void Require(DType t)
    {
        if (!t.IsDefined() || !t.IsInteger() && !t.IsFloat() || t.IsPacked()) throw new OperatorException($"output_datatype {(int)t} is not a number type");
    }
}

/// <summary>ONNX HannWindow.</summary>
public sealed class HannWindow(Attributes a) : CosineWindow(a, 0.5, -0.5)
{
    /// <inheritdoc/>
    public override string Name => "HannWindow";
}

/// <summary>ONNX HammingWindow, with the coefficients 25/46 and 21/46.</summary>
public sealed class HammingWindow(Attributes a) : CosineWindow(a, 25.0 / 46, -21.0 / 46)
{
    /// <inheritdoc/>
    public override string Name => "HammingWindow";
}

/// <summary>ONNX BlackmanWindow.</summary>
public sealed class BlackmanWindow(Attributes a) : CosineWindow(a, 0.42, -0.5, 0.08)
{
    /// <inheritdoc/>
    public override string Name => "BlackmanWindow";
}
