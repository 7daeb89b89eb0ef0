using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Peers;

/// <summary>XNNPACK's product with sparse weights, as Debian 12 packages it, loaded once a process. Only one thread: its pool binds none to a processor.</summary>
public static class Xnnpack
{
    // Of the weights; with fewer zeros nobody would ask for a sparse product.
    private const double FewestZeros = 0.25;

    private static readonly Lazy<string?> s_missing = new(Load);

    /// <summary>Why nothing can be compared with XNNPACK here, or null.</summary>
    public static string? Missing => s_missing.Value;

    /// <summary>The package's version; the library itself tells none.</summary>
    public static string Version => "2022-02-16";

    /// <summary>
    /// A product of f32 matrices of which the second is sparse, as a 1 × 1 convolution of planes, to be run by the thread that calls this; null for other operations and for more threads.
    /// Activations and results lie in planes, a row of the product being a pixel.
    /// </summary>
    public static IPeerRun? Create(PeerNode node, int threads)
    {
        if (threads != 1 || !node.IsMatMul || node.Inputs[1].Span<float>().Count(0f) < FewestZeros * node.Inputs[1].Shape.Elements) return null;
        if (Missing is { } why) throw new PeerException(why);
        return new XnnpackRun(node);
    }

    internal static void Check(int status, string what)
    {
        if (status != 0) throw new PeerException($"XNNPACK: {what} returned {status}");
    }

    private static string? Load()
    {
        if (!NativeLibrary.TryLoad(XnnpackApi.Library, out _)) return $"no {XnnpackApi.Library}: apt-get install libxnnpack0 (Debian 12)";
        return XnnpackApi.Initialize(0) == 0 ? null : "XNNPACK does not run on this processor";
    }
}

/// <summary>A convolution with its memory.</summary>
internal sealed unsafe class XnnpackRun : IPeerRun
{
    private readonly Tensor _input, _planes, _output;
    private nint _convolution;

    public XnnpackRun(PeerNode node)
    {
        Tensor a = node.Inputs[0], b = node.Inputs[1];
        int m = (int)a.Shape[0], k = (int)a.Shape[1], n = (int)b.Shape[1];
        _input = Transposed(a, XnnpackApi.ExtraBytes / sizeof(float));
        _planes = Tensor.Allocate(DType.F32, new Shape(n, m));
        _output = Tensor.Allocate(DType.F32, new Shape(m, n));
        var weights = Transposed(b);
        fixed (nint* c = &_convolution)
            Xnnpack.Check(XnnpackApi.ConvolutionCreate(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, (nuint)k, (nuint)n, (nuint)k, (nuint)n, (float*)weights.Pointer, null, float.NegativeInfinity, float.PositiveInfinity, 0, c), "convolution");
        GC.KeepAlive(weights);
        Xnnpack.Check(XnnpackApi.ConvolutionSetup(_convolution, 1, 1, (nuint)m, (float*)_input.Pointer, (float*)_planes.Pointer, 0), "setup");
    }

    public void Run() => Xnnpack.Check(XnnpackApi.Run(_convolution, 0), "run");

    public Tensor Result()
    {
        Transpose(_planes, _output);
        return _output;
    }

    public void Dispose()
    {
        if (_convolution != 0) _ = XnnpackApi.Delete(_convolution);
        _convolution = 0;
    }

    /// <summary>A matrix by columns, and so many readable elements behind it.</summary>
    private static Tensor Transposed(Tensor matrix, int behind = 0)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(matrix.Shape.Elements + behind));
        t.Bytes.Clear();
        Transpose(matrix, t);
        return t;
    }

    private static void Transpose(Tensor matrix, Tensor to)
    {
        int rows = (int)matrix.Shape[0], columns = (int)matrix.Shape[1];
        Span<float> x = matrix.Span<float>(), y = to.Span<float>();
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) y[c * rows + r] = x[r * columns + c];
    }
}
