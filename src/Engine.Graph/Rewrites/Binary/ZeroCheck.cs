using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Whether a wire may well hold an exact 0, whose Sign is 0 and not one of −1 and +1.</summary>
internal static class ZeroCheck
{
    private const int MaxDepth = 64;

    /// <summary>Why 0 is to be expected of <paramref name="v"/>; null where it takes a sum of rounded numbers that happens to cancel.</summary>
    public static string? Of(Value v, Wiring wiring, int depth = 0)
    {
        if (wiring.Maker(v) is not { } n) return "0 is to be expected of an input of the model";
        if (depth > MaxDepth) return "what comes before is too long to look at";
        string? First() => Of(n.Inputs[0]!, wiring, depth + 1);
        switch (n.Op)
        {
            case BatchNormalization { Training: false }:
                return NormAffine.Of(n) is { } norm && !norm.Shift.Contains(0) ? null : $"'{n.Name}' shifts a channel by 0";
            case Conv or Gemm or ConvTranspose:
                return NonZero(n.Input(2)) ? null : $"'{n.Name}' has no bias, or one with a 0";
            case BinaryConv:
                return NonZero(n.Input(3)) ? null : $"'{n.Name}' has no bias, or one with a 0";
            case InstanceNormalization or LayerNormalization or GroupNormalization:
                return NonZero(n.Input(2)) ? null : $"'{n.Name}' has no shift, or one with a 0";
            case Add or Sub:
                if (n.Inputs.Any(i => NonZero(i))) return null;
                string? a = n.Inputs[0]!.Constant is null ? Of(n.Inputs[0]!, wiring, depth + 1) : "its constant has a 0", b = n.Inputs[1]!.Constant is null ? Of(n.Inputs[1]!, wiring, depth + 1) : "its constant has a 0";
                return a is null || b is null ? null : a;
            case Mul or Div when NonZero(n.Input(1)):
                return First();
            case Mul when NonZero(n.Input(0)):
                return Of(n.Inputs[1]!, wiring, depth + 1);
            case PRelu when NonZero(n.Input(1)):
            case LeakyRelu or Tanh or MaxPool or AveragePool or GlobalAveragePool or Neg or Flatten or Reshape or Transpose or Identity or Dropout or Squeeze or Unsqueeze:
                return First();
            case Clip { HasBounds: true, Low: < 0, High: > 0 }:
                return First();
            default:
                return $"'{n.Name}' ({n.Op}) may give 0";
        }
    }

    private static bool NonZero(Value? v) => v?.ConstantTensor is { DType: DType.F32 } t && t.Shape.Elements > 0 && !t.Span<float>().Contains(0);
}
