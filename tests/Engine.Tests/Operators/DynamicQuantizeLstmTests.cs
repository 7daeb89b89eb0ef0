using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>com.microsoft DynamicQuantizeLSTM against sums in integers and cells in double.</summary>
public class DynamicQuantizeLstmTests
{
    private const int Sequence = 5, Batch = 3, Input = 9, Hidden = 7, Gates = 4 * Hidden;
    private static readonly int[] s_lengths = [5, 0, 3];

    [Theory]
    [InlineData("forward", false, false, DType.I8), InlineData("forward", true, false, DType.U8), InlineData("reverse", true, true, DType.I8)]
    [InlineData("bidirectional", true, true, DType.U8), InlineData("bidirectional", false, true, DType.I8), InlineData("bidirectional", true, false, DType.I8)]
    public void States_follow_from_integer_products(string direction, bool full, bool columns, DType type)
    {
        int directions = direction == "bidirectional" ? 2 : 1;
        var inputs = Inputs(directions, full, columns, type);
        var attributes = new Dictionary<string, object> { ["hidden_size"] = (long)Hidden, ["direction"] = direction };
        var (y, h, c) = Naive(inputs, direction, directions);

        var computed = OpRunner.Run("DynamicQuantizeLSTM", 1, inputs, attributes, 3, "com.microsoft");
        AssertEx.Close(Tensor.From(new Shape(Sequence, directions, Batch, Hidden), y), (Tensor)computed[0]!, 1e-5);
        AssertEx.Close(Tensor.From(new Shape(directions, Batch, Hidden), h), (Tensor)computed[1]!, 1e-5);
        AssertEx.Close(Tensor.From(new Shape(directions, Batch, Hidden), c), (Tensor)computed[2]!, 1e-5);

        // Operands given to a run instead of known before it: the same bits.
        var graph = new ModelGraph("g");
        var values = inputs.Select((v, i) => v is Tensor t ? new Value($"x{i}", new DeclaredType.Tensor(t.DType, [.. Enumerable.Range(0, t.Shape.Rank).Select(d => new Dim(t.Shape[d]))])) : null).ToArray();
        var outputs = Enumerable.Range(0, 3).Select(i => new Value($"y{i}")).ToArray();
        graph.Inputs.AddRange(values.OfType<Value>());
        graph.Outputs.AddRange(outputs);
        graph.Nodes.Add(new Node("n", OperatorRegistry.Standard.Create("com.microsoft", "DynamicQuantizeLSTM", new Attributes(1, attributes) { InputCount = values.Length, OutputCount = 3 }, "n"), values, outputs));
        using var model = Model.Create(new ModelDefinition(graph));
        using var session = model.CreateSession(new SessionOptions { Threads = 2, Poison = true });
        var results = new RuntimeValue?[3];
        session.Run([.. inputs.OfType<Tensor>()], results);
        for (int i = 0; i < 3; i++) Assert.Equal(((Tensor)computed[i]!).Span<float>().ToArray(), ((Tensor)results[i]!).Span<float>().ToArray());
    }

    [Fact]
    public void Operands_that_do_not_fit_are_refused()
    {
        var whole = Inputs(1, true, false, DType.I8);
        void Refused(int input, Tensor? other, string attribute = "hidden_size", long value = Hidden)
        {
            var inputs = whole.ToArray();
            inputs[input] = other;
            Assert.Throws<OperatorException>(() => OpRunner.Run("DynamicQuantizeLSTM", 1, inputs, new() { [attribute] = value }, 3, "com.microsoft"));
        }
        Refused(0, Tensor.Allocate(DType.F32, new Shape(Sequence, Batch, Input + 1)));
        Refused(1, Tensor.Allocate(DType.I8, new Shape(1, Gates, Input)));
        Refused(2, Tensor.Allocate(DType.F32, new Shape(1, Hidden, Gates)));
        Refused(4, Tensor.Vector(5, 6, 5));
        Refused(8, null);
        Refused(8, Tensor.Allocate(DType.F32, new Shape(2)));
        Refused(10, Tensor.Allocate(DType.F32, new Shape(1, Hidden)));
        Refused(11, Tensor.Allocate(DType.U8, new Shape(1)));
        Refused(0, (Tensor)whole[0]!, "layout", 1);
    }

    [Theory]
    [InlineData(0, 3, 4, 2), InlineData(2, 0, 4, 2), InlineData(2, 3, 0, 2), InlineData(2, 3, 4, 0)]
    public void Empty_operands_give_initial_states_or_nothing(int sequence, int batch, int input, int hidden)
    {
        Tensor Of(DType t, params long[] dims) => Tensor.Allocate(t, new Shape(dims));
        var results = OpRunner.Run("DynamicQuantizeLSTM", 1,
            [Of(DType.F32, sequence, batch, input), Of(DType.I8, 1, input, 4 * hidden), Of(DType.I8, 1, hidden, 4 * hidden), null, null, null, null, null, Of(DType.F32, 1), Of(DType.I8, 1), Of(DType.F32, 1, 4 * hidden), Of(DType.I8, 1, 4 * hidden)],
            [], 3, "com.microsoft");
        Assert.Equal(new Shape(sequence, 1, batch, hidden), ((Tensor)results[0]!).Shape);
        Assert.All(((Tensor)results[1]!).Span<float>().ToArray(), v => Assert.Equal(0, v));
    }

    private static RuntimeValue?[] Inputs(int directions, bool full, bool columns, DType type)
    {
        var random = new Random(directions + 2 * (int)type);
        Tensor Floats(int seed, params long[] dims) => Tensor.From(new Shape(dims), TestData.Floats((int)new Shape(dims).Elements, seed));
        Tensor Codes(params long[] dims)
        {
            var t = Tensor.Allocate(type, new Shape(dims));
            random.NextBytes(t.Bytes);
            return t;
        }
        Tensor Scales()
        {
            var t = columns ? Tensor.Allocate(DType.F32, new Shape(directions, Gates)) : Tensor.Allocate(DType.F32, new Shape(directions));
            foreach (ref float s in t.Span<float>()) s = 0.005f + 0.01f * random.NextSingle();
            return t;
        }
        Tensor Zeros() => columns ? Codes(directions, Gates) : Codes(directions);
        return
        [
            Floats(1, Sequence, Batch, Input), Codes(directions, Input, Gates), Codes(directions, Hidden, Gates), full ? Floats(2, directions, 2 * Gates) : null,
            full ? Tensor.Vector(s_lengths) : null, full ? Floats(3, directions, Batch, Hidden) : null, full ? Floats(4, directions, Batch, Hidden) : null, full ? Floats(5, directions, 3 * Hidden) : null,
            Scales(), full ? Zeros() : null, Scales(), full ? Zeros() : null,
        ];
    }

    private static (double[] Y, double[] H, double[] C) Naive(RuntimeValue?[] inputs, string direction, int directions)
    {
        float At(int input, int i) => inputs[input] is Tensor t ? t.Span<float>()[i] : 0;
        int Code(int input, int i) => inputs[input] is Tensor t ? QuantCodes.Read(t.DType, t.Bytes, i) : 0;
        int Place(int input, int d, int column) => ((Tensor)inputs[input]!).Shape.Rank == 1 ? d : d * Gates + column;
        double Sigmoid(double v) => 1 / (1 + Math.Exp(-v));

        // All rows, quantized as one, times column j of direction d.
        double[,] Product(float[] rows, int k, int weights, int scale, int d)
        {
            var (s, zero) = DynamicRange.U8(rows);
            int[] codes = [.. rows.Select(v => Math.Clamp((int)MathF.Round(v / s, MidpointRounding.ToEven) + zero, 0, 255) - zero)];
            var product = new double[rows.Length / k, Gates];
            for (int i = 0; i < rows.Length / k; i++)
                for (int j = 0; j < Gates; j++)
                {
                    int sum = 0, z = inputs[scale + 1] is null ? 0 : Code(scale + 1, Place(scale + 1, d, j));
                    for (int n = 0; n < k; n++) sum += codes[i * k + n] * (Code(weights, (d * k + n) * Gates + j) - z);
                    product[i, j] = (double)sum * s * At(scale, Place(scale, d, j));
                }
            return product;
        }

        double[] y = new double[Sequence * directions * Batch * Hidden], lastH = new double[directions * Batch * Hidden], lastC = new double[directions * Batch * Hidden];
        for (int d = 0; d < directions; d++)
        {
            var x = Product(((Tensor)inputs[0]!).Span<float>().ToArray(), Input, 1, 8, d);
            double[][] h = [.. Enumerable.Range(0, Batch).Select(b => Enumerable.Range(0, Hidden).Select(i => (double)At(5, (d * Batch + b) * Hidden + i)).ToArray())];
            double[][] c = [.. Enumerable.Range(0, Batch).Select(b => Enumerable.Range(0, Hidden).Select(i => (double)At(6, (d * Batch + b) * Hidden + i)).ToArray())];
            for (int step = 0; step < Sequence; step++)
            {
                int[] running = [.. Enumerable.Range(0, Batch).Where(b => inputs[4] is null || step < s_lengths[b])];
                var r = Product([.. running.SelectMany(b => h[b]).Select(v => (float)v)], Hidden, 2, 10, d);
                for (int n = 0; n < running.Length; n++)
                {
                    int b = running[n], length = inputs[4] is null ? Sequence : s_lengths[b], t = d == 1 || direction == "reverse" ? length - 1 - step : step;
                    for (int i = 0; i < Hidden; i++)
                    {
                        double Gate(int gate) => x[t * Batch + b, gate * Hidden + i] + r[n, gate * Hidden + i] + At(3, (2 * d * 4 + gate) * Hidden + i) + At(3, ((2 * d + 1) * 4 + gate) * Hidden + i);
                        double Peep(int gate) => At(7, (d * 3 + gate) * Hidden + i) * c[b][i];
                        double input = Sigmoid(Gate(0) + Peep(0)), forget = Sigmoid(Gate(2) + Peep(2));
                        c[b][i] = forget * c[b][i] + input * Math.Tanh(Gate(3));
                        h[b][i] = Sigmoid(Gate(1) + Peep(1)) * Math.Tanh(c[b][i]);
                    }
                    h[b].CopyTo(y, ((t * directions + d) * Batch + b) * Hidden);
                }
            }
            for (int b = 0; b < Batch; b++)
            {
                h[b].CopyTo(lastH, (d * Batch + b) * Hidden);
                c[b].CopyTo(lastC, (d * Batch + b) * Hidden);
            }
        }
        return (y, lastH, lastC);
    }
}
