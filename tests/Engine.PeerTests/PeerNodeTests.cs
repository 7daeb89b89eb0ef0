using Engine.Kernels;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>A test against oneDNN; it is skipped, with the reason, where the peer's library is not here.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OneDnnTheoryAttribute : TheoryAttribute
{
    public OneDnnTheoryAttribute() => Skip = OneDnn.Missing;
}

/// <summary>A test against ggml.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GgmlTheoryAttribute : TheoryAttribute
{
    public GgmlTheoryAttribute() => Skip = Ggml.Missing;
}

/// <summary>A test against XNNPACK.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class XnnpackTheoryAttribute : TheoryAttribute
{
    public XnnpackTheoryAttribute() => Skip = Xnnpack.Missing;
}

/// <summary>The bindings of libraries that compute single operations, against the definition.</summary>
public sealed unsafe class PeerNodeTests
{
    private static Tensor Random(int seed, params ReadOnlySpan<long> dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        var random = new Random(seed);
        foreach (ref float v in t.Span<float>()) v = random.NextSingle() - 0.5f;
        return t;
    }

    private static PeerNode MatMul(int m, int n, int k) => new("MatMul", [Random(1, m, k), Random(2, k, n)], new TensorType(DType.F32, new Shape(m, n)));

    private static Tensor Product(PeerNode node)
    {
        Tensor a = node.Inputs[0], b = node.Inputs[1], c = Tensor.Allocate(DType.F32, node.Output.Shape);
        int n = (int)b.Shape[1], k = (int)b.Shape[0];
        for (int i = 0; i < c.Shape.Elements; i++)
        {
            double sum = 0;
            for (int x = 0; x < k; x++) sum += (double)a.Span<float>()[i / n * k + x] * b.Span<float>()[x * n + i % n];
            c.Span<float>()[i] = (float)sum;
        }
        return c;
    }

    // On a thread bound to the first processor, as engine-bench has it: the libraries must leave it there.
    private static void Compare(Tensor expected, Func<IPeerRun?> create)
    {
        Exception? fault = null;
        var thread = new Thread(() =>
        {
            try
            {
                Assert.True(ThreadAffinity.Pin(ThreadAffinity.Allowed()[0]));
                int[] before = ThreadAffinity.Allowed();
                using (var run = create())
                {
                    Assert.NotNull(run);
                    for (int i = 0; i < 2; i++)
                    {
                        run.Run();
                        Assert.Null(ValueComparer.Compare(expected, run.Result(), 1e-4, 1e-4));
                    }
                }
                Assert.Equal(before, ThreadAffinity.Allowed());
            }
            catch (Exception e)
            {
                fault = e;
            }
        });
        thread.Start();
        thread.Join();
        Assert.Null(fault);
    }

    [OneDnnTheory]
    [InlineData(1, 33, 65, 1), InlineData(17, 48, 20, 1), InlineData(64, 100, 300, 2)]
    public void OneDnn_multiplies(int m, int n, int k, int threads)
    {
        var node = MatMul(m, n, k);
        Compare(Product(node), () => OneDnn.Create(node, threads));
    }

    [OneDnnTheory]
    [InlineData(3, 20, 1, 7, 2, 1), InlineData(16, 32, 1, 3, 1, 2), InlineData(24, 24, 24, 3, 1, 1), InlineData(8, 12, 1, 1, 1, 2)]
    public void OneDnn_convolves(int channels, int outputs, int group, int kernel, int stride, int threads)
    {
        const int Size = 15;
        int pad = kernel / 2, size = (Size + 2 * pad - kernel) / stride + 1;
        var dim = new WindowDim(Size, size, kernel, stride, 1, pad, pad);
        var node = new PeerNode("Conv", [Random(1, 1, channels, Size, Size), Random(2, outputs, channels / group, kernel, kernel)], new TensorType(DType.F32, new Shape(1, outputs, size, size)),
            ("group", (long)group), ("strides", new long[] { stride, stride }), ("pads", new long[] { pad, pad, pad, pad }));
        var expected = Tensor.Allocate(DType.F32, node.Output.Shape);
        ConvReference.Run(Workers.Single, new ConvShape(1, channels, outputs, group, new Window3(WindowDim.One, dim, dim)), (float*)node.Inputs[0].Pointer, (float*)node.Inputs[1].Pointer, null, (float*)expected.Pointer);
        Compare(expected, () => OneDnn.Create(node, threads));
    }

    [GgmlTheory]
    [InlineData(1, 33, 65, 1), InlineData(17, 48, 20, 1), InlineData(64, 100, 300, 2)]
    public void Ggml_multiplies(int m, int n, int k, int threads)
    {
        int[] processors = ThreadAffinity.Allowed();
        if (threads > processors.Length) return;
        var node = MatMul(m, n, k);
        Compare(Product(node), () => Ggml.Create(node, processors[..threads]));
    }

    [XnnpackTheory]
    [InlineData(1, 33, 65, 2), InlineData(17, 48, 20, 3), InlineData(64, 100, 300, 10)]
    public void Xnnpack_multiplies_by_sparse_weights(int m, int n, int k, int oneOf)
    {
        var node = MatMul(m, n, k);
        var weights = node.Inputs[1].Span<float>();
        for (int i = 0; i < weights.Length; i++)
            if (i % oneOf != 0) weights[i] = 0;
        Compare(Product(node), () => Xnnpack.Create(node, 1));
    }

    [XnnpackTheory]
    [InlineData("MatMul"), InlineData("Softmax")]
    public void Xnnpack_leaves_dense_weights_and_other_operations_out(string op) => Assert.Null(Xnnpack.Create(MatMul(4, 4, 4) with { Op = op }, 1));

    [OneDnnTheory]
    [InlineData("Softmax")]
    public void OneDnn_leaves_other_operations_out(string op) => Assert.Null(OneDnn.Create(new PeerNode(op, [Random(1, 4, 4)], new TensorType(DType.F32, new Shape(4, 4))), 1));
}
