using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Recurrent cells as exporters write them: a Scan over time whose body is one step.</summary>
internal static class Recurrences
{
    public const int Inputs = 3, Order = 6;
    private const float Decay = 0.9f, Gain = 0.25f, Leak = 4, Threshold = 0.6f;

    /// <summary>The body of one step: state in, frame in, state out, result.</summary>
    public delegate (Value State, Value Result) Step(GraphBuilder b, Value state, Value frame);

    /// <summary>Scan of <paramref name="step"/> over axis 0 of x, from <paramref name="start"/>.</summary>
    public static Value Scan(GraphBuilder b, Value x, Tensor start, Step step, long inputAxis = 0, long outputAxis = 0)
    {
        var body = new GraphBuilder();
        var (state, frame) = (body.Input("state", start.DType), body.Input("frame", start.DType));
        var (next, result) = step(body, state, frame);
        body.Output(next);
        body.Output(result);
        return b.Ops("Scan", 16, [b.Constant(start), x], new() { ["body"] = body.Graph, ["num_scan_inputs"] = 1L, ["scan_input_axes"] = new[] { inputAxis }, ["scan_output_axes"] = new[] { outputAxis } }, 2)[1];
    }

    /// <summary>A causal convolution that looks ahead by <paramref name="lookAhead"/> before a scan of [T, 1, inputs].</summary>
    public static ModelGraph Behind(int lookAhead, int states, Step step)
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        x = b.Op("Conv", 13, [x, Floats(b, 1, Inputs, Inputs, 2 * lookAhead + 1)], new() { ["pads"] = new long[] { lookAhead, lookAhead } });
        x = b.Op("Transpose", 13, [x], new() { ["perm"] = new long[] { 2, 0, 1 } });
        var y = Scan(b, x, Tensor.From(new Shape(1, states), TestData.Floats(states, 8)), step);
        b.Output(b.Op("Transpose", 13, [y], new() { ["perm"] = new long[] { 1, 2, 0 } }));
        return b.Graph;
    }

    /// <summary>h ← q · h + (p · β) · x.</summary>
    public static (Value, Value) Ema(GraphBuilder b, Value h, Value x)
    {
        var next = b.Op("Add", 14, [b.Op("Mul", 14, [b.Constant(Tensor.Vector(Decay, Decay / 2, -Decay)), h]), b.Op("Mul", 14, [b.Constant(Tensor.Scalar(Gain)), x])]);
        return (next, next);
    }

    /// <summary>v ← v + (x − v) / τ; s = [v ≥ threshold]; v ← v · (1 − s).</summary>
    public static (Value, Value) Lif(GraphBuilder b, Value v, Value x)
    {
        var charged = b.Op("Add", 14, [v, b.Op("Div", 14, [b.Op("Sub", 14, [x, v]), b.Constant(Tensor.Scalar(Leak))])]);
        var spike = b.Op("Cast", 13, [b.Op("GreaterOrEqual", 16, [charged, b.Constant(Tensor.Scalar(Threshold))])], new() { ["to"] = 1L });
        return (b.Op("Mul", 14, [charged, b.Op("Sub", 14, [b.Constant(Tensor.Scalar(1f)), spike])]), spike);
    }

    /// <summary>What <see cref="Lif"/> says, written down: spikes of every neuron.</summary>
    public static float[] LifSpikes(float[] frames, int neurons, float[] start)
    {
        var v = (float[])start.Clone();
        var spikes = new float[frames.Length];
        for (int i = 0; i < frames.Length; i++)
        {
            ref float u = ref v[i % neurons];
            u += (frames[i] - u) / Leak;
            spikes[i] = u >= Threshold ? 1 : 0;
            u *= 1 - spikes[i];
        }
        return spikes;
    }

    /// <summary>m ← Ā m + B̄ u with u = ReLU(w · x + b), result ReLU(W [m; x] + b).</summary>
    public static (Value, Value) Lmu(GraphBuilder b, Value m, Value x)
    {
        var (a, c) = Legendre(Order, 20);
        var u = b.Op("Relu", 14, [b.Op("Gemm", 13, [x, Floats(b, 3, Inputs, 1), Floats(b, 4, 1)])]);
        var next = Memory(b, m, u, a, c);
        return (next, b.Op("Relu", 14, [b.Op("Gemm", 13, [b.Op("Concat", 13, [next, x], new() { ["axis"] = 1L }), Floats(b, 5, Order + Inputs, 4), Floats(b, 6, 4)])]));
    }

    /// <summary>Ā m + B̄ u for rows m and u.</summary>
    public static Value Memory(GraphBuilder b, Value m, Value u, double[,] a, double[] c)
    {
        int n = c.Length;
        var transposed = new float[n * n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) transposed[j * n + i] = (float)a[i, j];
        return b.Op("Add", 14, [b.Op("MatMul", 13, [m, b.Constant(Tensor.From(new Shape(n, n), transposed))]), b.Op("MatMul", 13, [u, b.Constant(Tensor.From(new Shape(1, n), [.. c.Select(v => (float)v)]))])]);
    }

    /// <summary>The Legendre memory of order n over θ samples with zero-order hold: exp of [[A, B], [0, 0]] with A and B of Voelker et al., NeurIPS 2019, over θ.</summary>
    public static (double[,] A, double[] B) Legendre(int n, double theta)
    {
        const int Squarings = 12, Terms = 12;
        var m = new double[n + 1, n + 1];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++) m[i, j] = (2 * i + 1) / theta * (i < j || (i - j) % 2 == 0 ? -1 : 1);
            m[i, n] = (2 * i + 1) / theta * (i % 2 == 0 ? 1 : -1);
        }
        for (int i = 0; i <= n; i++)
            for (int j = 0; j <= n; j++) m[i, j] /= 1 << Squarings;
        var sum = Identity(n + 1);
        var term = Identity(n + 1);
        for (int k = 1; k <= Terms; k++)
        {
            term = Product(term, m, 1.0 / k);
            for (int i = 0; i <= n; i++)
                for (int j = 0; j <= n; j++) sum[i, j] += term[i, j];
        }
        for (int k = 0; k < Squarings; k++) sum = Product(sum, sum, 1);
        var a = new double[n, n];
        var b = new double[n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++) a[i, j] = sum[i, j];
            b[i] = sum[i, n];
        }
        return (a, b);
    }

    private static double[,] Identity(int n)
    {
        var m = new double[n, n];
        for (int i = 0; i < n; i++) m[i, i] = 1;
        return m;
    }

    private static double[,] Product(double[,] a, double[,] b, double factor)
    {
        int n = a.GetLength(0);
        var c = new double[n, n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                for (int k = 0; k < n; k++) c[i, j] += a[i, k] * b[k, j] * factor;
        return c;
    }

    private static Value Floats(GraphBuilder b, int seed, params long[] dims) => b.Constant(Tensor.From(new Shape(dims), TestData.Floats((int)new Shape(dims).Elements, seed)));
}
