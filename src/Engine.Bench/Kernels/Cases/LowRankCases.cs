using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>
/// Products with weights of two thin factors, planned as in a model, each beside the product with a dense weight of the same form. Several matrices
/// in turn, together larger than the caches, are read from memory.
/// </summary>
internal static class LowRankCases
{
    private const int F32 = 32;

    // Codes of the dense weight are others than those of the factors.
    private const double Rounded = 5e-2;

    public static IEnumerable<KernelFamily> All =>
    [
        new("low-rank", [GemmF32.Table], "rank x m x n x k x matrices", ["1024x1x4096x4096x1", "1024x1x4096x4096x4", "1024x128x4096x4096x1", "512x128x4096x4096x1"],
            d => Work(LimitKind.F32, 4, d), (d, workers) => Run(F32, d, workers), Tolerance: 1e-4),
        new("low-rank-int8", [LowBitGemv.Table, LowBitTile.Table8, LowBitExpand.Table, QuantizeRows.Table, GemmF32.Table], "rank x m x n x k x matrices", ["1024x1x4096x4096x1", "1024x1x4096x4096x8", "1024x128x4096x4096x1"],
            d => Work(LimitKind.Int8, 1, d), (d, workers) => Run(8, d, workers), Tolerance: Rounded),
    ];

    private static KernelWork Work(LimitKind compute, int bytes, int[] d)
    {
        double weights = (double)d[0] * ((double)d[2] + d[3]);
        return new(compute, 2.0 * d[1] * weights * d[4], d[4] * (bytes * weights + 4.0 * d[1] * d[2]) + 4.0 * d[1] * d[3]);
    }

    private static KernelRun Run(int bits, int[] d, Workers workers)
    {
        var (rank, m, n, k, matrices) = (d[0], d[1], d[2], d[3], d[4]);
        Weight[] factors = new Weight[matrices], dense = new Weight[matrices];
        for (int i = 0; i < matrices; i++)
        {
            Weight u = Form(bits, Few(2 * i, rank, n), 1), v = Form(bits, Operand.Random(2 * i + 1, rank, k), 0);
            factors[i] = new LowRank(new Shape(n, k), u, v);
            dense[i] = Form(bits, Product(u.ToF32(), v.ToF32()), 0);
        }
        var x = Operand.Random(99, m, k);
        var (low, y) = Session(factors, x, workers);
        var (whole, z) = Session(dense, x, workers);
        // What ran last is what is asked for.
        var last = y;
        return new(() =>
        {
            low.Run();
            last = y;
        }, () => last, Dense: () =>
        {
            whole.Run();
            last = z;
        });
    }

    /// <summary>The values as f32, or as codes of 8 bits with a scale an index of <paramref name="axis"/>.</summary>
    private static Weight Form(int bits, Tensor t, int axis)
    {
        if (bits == F32) return new Dense(t);
        int rows = t.Shape.Int(0), columns = t.Shape.Int(1);
        var scales = new float[axis == 0 ? rows : columns];
        var from = t.Span<float>();
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) scales[axis == 0 ? r : c] = MathF.Max(scales[axis == 0 ? r : c], MathF.Abs(from[r * columns + c]) / 127);
        var codes = Tensor.Allocate(DType.I8, t.Shape);
        var to = codes.Span<sbyte>();
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) to[r * columns + c] = (sbyte)MathF.Round(from[r * columns + c] / MathF.Max(scales[axis == 0 ? r : c], float.Epsilon));
        return new Quantized(t.Shape, 8, codes, Granularity.Channel, new Dense(Tensor.Vector<float>(scales)), signed: true, axis: axis);
    }

    // Two ranks an output, so that the dense weight is soon made; kernels do not look for zeros.
    private static Tensor Few(int seed, int rank, int n)
    {
        Tensor all = Operand.Random(seed, 2, n), u = Operand.Zeros(rank, n);
        for (int o = 0; o < n; o++)
        {
            u.Span<float>()[o % rank * n + o] = all.Span<float>()[o];
            u.Span<float>()[(7 * o + 3) % rank * n + o] = all.Span<float>()[n + o];
        }
        return u;
    }

    /// <summary>Uᵀ · V, zeros of U left out.</summary>
    private static Tensor Product(Tensor u, Tensor v)
    {
        int rank = u.Shape.Int(0), n = u.Shape.Int(1), k = v.Shape.Int(1);
        var y = Operand.Zeros(n, k);
        for (int r = 0; r < rank; r++)
            for (int o = 0; o < n; o++)
                if (u.Span<float>()[r * n + o] is not 0 and var f)
                {
                    Span<float> from = v.Span<float>().Slice(r * k, k), to = y.Span<float>().Slice(o * k, k);
                    for (int c = 0; c < k; c++) to[c] += f * from[c];
                }
        return y;
    }

    /// <summary>A model of one product a weight, all of the same activations, bound and ready; and its first result.</summary>
    private static (Session Session, Tensor Y) Session(Weight[] weights, Tensor x, Workers workers)
    {
        var graph = new ModelGraph("products");
        var input = new Value("x", new DeclaredType.Tensor(DType.F32, [.. x.Shape.Dims.ToArray().Select(d => new Dim(d))]));
        graph.Inputs.Add(input);
        // Consent to activations of 8 bits, where weights are codes.
        var attributes = new Attributes(1, new Dictionary<string, object> { ["transB"] = 1L, ["accuracy_level"] = 4L }) { InputCount = 2 };
        for (int i = 0; i < weights.Length; i++)
        {
            var y = new Value($"y{i}");
            graph.Nodes.Add(new Node($"product{i}", new FusedMatMul(attributes), [input, new Value($"w{i}") { Constant = weights[i] }], [y]));
            graph.Outputs.Add(y);
        }
        var session = Model.Create(new ModelDefinition(graph)).CreateSession(new SessionOptions { Pool = workers });
        session.Bind("x", x);
        Tensor[] results = [.. weights.Select(w => Operand.Zeros(x.Shape[0], w.Shape[0]))];
        for (int i = 0; i < results.Length; i++) session.Bind($"y{i}", results[i]);
        return (session, results[0]);
    }
}
