using Engine.Tensors;

namespace Engine.Peers;

/// <summary>One operation as ONNX defines it, for any peer that has it. Inputs but the first are constants.</summary>
/// <param name="Op">Operator: <c>MatMul</c>, <c>Conv</c>, …, after its domain and a dot where it has one.</param>
/// <param name="Inputs">Plain tensors.</param>
/// <param name="Output">Type and shape of the output.</param>
/// <param name="Attributes">Longs, floats or arrays of longs by name.</param>
public sealed record PeerNode(string Op, IReadOnlyList<Tensor> Inputs, TensorType Output, params IReadOnlyList<(string Name, object Value)> Attributes)
{
    /// <summary>
    /// Constants of more operations on the same input, run one after the other with the first: as many as memory has to give, where one
    /// alone would stay in the cache. The result is that of the first.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<Tensor>> Further { get; init; } = [];

    /// <summary>An attribute that holds integers.</summary>
    public long[] Longs(string name, params long[] fallback) => Attributes.FirstOrDefault(a => a.Name == name).Value switch
    {
        long[] many => many,
        long one => [one],
        _ => fallback,
    };

    /// <summary>A product of two f32 matrices.</summary>
    public bool IsMatMul => Op == "MatMul" && Inputs is [{ DType: DType.F32, Shape.Rank: 2 }, { DType: DType.F32, Shape.Rank: 2 }];

    /// <summary>A product of two bf16 matrices.</summary>
    public bool IsBf16MatMul => Op == "MatMul" && Inputs is [{ DType: DType.BF16, Shape.Rank: 2 }, { DType: DType.BF16, Shape.Rank: 2 }];

    /// <summary>A product of a u8 and an s8 matrix without zero points.</summary>
    public bool IsIntegerMatMul => Op == "MatMulInteger" && Inputs is [{ DType: DType.U8, Shape.Rank: 2 }, { DType: DType.I8, Shape.Rank: 2 }];

    /// <summary>A product with a weight in codes: inputs are A [m, k], codes u8 [n, blocks, bytes], scales f32.</summary>
    public bool IsMatMulNBits => Op == "com.microsoft.MatMulNBits" && Inputs is [{ DType: DType.F32, Shape.Rank: 2 }, { DType: DType.U8, Shape.Rank: 3 }, { DType: DType.F32 }];

    /// <summary>A convolution of f32 images without dilation and bias.</summary>
    public bool IsConv => Op == "Conv" && Inputs is [{ DType: DType.F32, Shape.Rank: 4 }, { DType: DType.F32, Shape.Rank: 4 }] && Longs("dilations", 1, 1) is [1, 1];
}

/// <summary>A peer with its operands in place, packed as it likes them: nothing but the operation is left to run.</summary>
public interface IPeerRun : IDisposable
{
    /// <summary>Runs once, on the threads it was made for; the caller is the first of them.</summary>
    void Run();

    /// <summary>What the last run gave, in the plain layout.</summary>
    Tensor Result();
}

/// <summary>A peer's library refused something.</summary>
public sealed class PeerException(string message) : Exception(message);
