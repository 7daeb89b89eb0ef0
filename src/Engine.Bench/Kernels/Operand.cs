using Engine.Peers;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Seeded operands: the same for every tier and every run.</summary>
internal static class Operand
{
    /// <summary>f32 in [−½, ½).</summary>
    public static Tensor Random(int seed, params ReadOnlySpan<long> dims)
    {
        var t = Zeros(dims);
        var random = new Random(seed);
        foreach (ref float x in t.Span<float>()) x = random.NextSingle() - 0.5f;
        return t;
    }

    /// <summary>bf16 in [−½, ½).</summary>
    public static Tensor Bf16(int seed, params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(DType.BF16, new Shape(dims));
        var random = new Random(seed);
        foreach (ref var x in t.Span<BFloat16>()) x = (BFloat16)(random.NextSingle() - 0.5f);
        return t;
    }

    /// <summary>All codes of eight bits.</summary>
    public static Tensor Codes(DType dtype, int seed, params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(dtype, new Shape(dims));
        new Random(seed).NextBytes(t.Bytes);
        return t;
    }

    /// <summary>f32 zeros.</summary>
    public static Tensor Zeros(params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        t.Bytes.Clear();
        return t;
    }

    /// <summary>The operation of a kernel as one node of ONNX.</summary>
    public static PeerNode Node(string op, Tensor[] inputs, Tensor output, params (string Name, object Value)[] attributes) => new(op, inputs, output.Type, attributes);

    /// <summary>A tensor of the same shape, each element f(x) in binary64.</summary>
    public static Tensor Map(Tensor x, Func<double, double> f)
    {
        var y = Tensor.Allocate(DType.F32, x.Shape);
        Span<float> from = x.Span<float>(), to = y.Span<float>();
        for (int i = 0; i < to.Length; i++) to[i] = (float)f(from[i]);
        return y;
    }
}
