using Engine.Tensors;

namespace Engine.Tests;

public class RecurrentTests
{
    private const int Sequence = 5, Batch = 3, Input = 4, Hidden = 6;

    private static Tensor Random(int seed, params long[] dims)
    {
        var s = new Shape(dims);
        return Tensor.From(s, TestData.Floats(s.Count, seed));
    }

    private static double Sigmoid(double v) => 1 / (1 + Math.Exp(-v));

    /// <summary>One cell, in double, straight from the operator's equations.</summary>
    private static void Cell(string op, bool linear, Func<int, int, double> x, Func<int, int, double[], double> r, Func<int, int, double> rb, Func<int, int, double> peep, double clip, double[] h, double[] c)
    {
        double Clip(double v) => Math.Clamp(v, -clip, clip);
        double[] old = [.. h], reset = new double[Hidden];
        double F(int gate, int i, double[] state) => x(gate, i) + r(gate, i, state) + rb(gate, i);
        for (int i = 0; i < Hidden && op == "GRU"; i++) reset[i] = Sigmoid(Clip(F(1, i, old))) * old[i];
        for (int i = 0; i < Hidden; i++)
            switch (op)
            {
                case "RNN":
                    h[i] = Math.Tanh(Clip(F(0, i, old)));
                    break;
                case "GRU":
                    double z = Sigmoid(Clip(F(0, i, old))), gate = Sigmoid(Clip(F(1, i, old)));
                    double n = Math.Tanh(Clip(linear ? x(2, i) + gate * (r(2, i, old) + rb(2, i)) : F(2, i, reset)));
                    h[i] = (1 - z) * n + z * old[i];
                    break;
                default:
                    double input = Sigmoid(Clip(F(0, i, old) + peep(0, i) * c[i])), forget = Sigmoid(Clip(F(2, i, old) + peep(2, i) * c[i]));
                    c[i] = forget * c[i] + input * Math.Tanh(Clip(F(3, i, old)));
                    h[i] = Sigmoid(Clip(F(1, i, old) + peep(1, i) * c[i])) * Math.Tanh(c[i]);
                    break;
            }
    }

    [Theory]
    [InlineData("RNN", false), InlineData("GRU", false), InlineData("GRU", true), InlineData("LSTM", false)]
    public void Every_direction_layout_and_length_follows_the_equations(string op, bool linear)
    {
        int gates = op == "RNN" ? 1 : op == "GRU" ? 3 : 4;
        int[] lengths = [5, 0, 3];
        foreach (string direction in new[] { "forward", "reverse", "bidirectional" })
            foreach (bool full in new[] { false, true })
            {
                int directions = direction == "bidirectional" ? 2 : 1;
                double clip = full ? 0.4 : 1e30;
                Tensor x = Random(1, Sequence, Batch, Input), w = Random(2, directions, gates * Hidden, Input), r = Random(3, directions, gates * Hidden, Hidden);
                Tensor? b = full ? Random(4, directions, 2 * gates * Hidden) : null, h0 = full ? Random(5, directions, Batch, Hidden) : null;
                Tensor? c0 = full && op == "LSTM" ? Random(6, directions, Batch, Hidden) : null, p = full && op == "LSTM" ? Random(7, directions, 3 * Hidden) : null;
                var y = new double[Sequence * directions * Batch * Hidden];
                var last = new double[directions * Batch * Hidden];
                for (int d = 0; d < directions; d++)
                    for (int s = 0; s < Batch; s++)
                    {
                        double At(Tensor? t, int i) => t is null ? 0 : t.Span<float>()[i];
                        double[] h = [.. Enumerable.Range(0, Hidden).Select(i => At(h0, (d * Batch + s) * Hidden + i))], c = [.. Enumerable.Range(0, Hidden).Select(i => At(c0, (d * Batch + s) * Hidden + i))];
                        int n = full ? lengths[s] : Sequence;
                        for (int step = 0; step < n; step++)
                        {
                            int t = d == 1 || direction == "reverse" ? n - 1 - step : step;
                            Cell(op, linear,
                                (g, i) => Enumerable.Range(0, Input).Sum(k => At(x, (t * Batch + s) * Input + k) * At(w, ((d * gates + g) * Hidden + i) * Input + k)) + At(b, (2 * d * gates + g) * Hidden + i),
                                (g, i, state) => Enumerable.Range(0, Hidden).Sum(k => state[k] * At(r, ((d * gates + g) * Hidden + i) * Hidden + k)),
                                (g, i) => At(b, ((2 * d + 1) * gates + g) * Hidden + i),
                                (g, i) => At(p, (d * 3 + g) * Hidden + i), clip, h, c);
                            h.CopyTo(y, ((t * directions + d) * Batch + s) * Hidden);
                        }
                        h.CopyTo(last, (d * Batch + s) * Hidden);
                    }
                Dictionary<string, object> attributes = new() { ["hidden_size"] = (long)Hidden, ["direction"] = direction, ["linear_before_reset"] = linear ? 1L : 0 };
                if (full) attributes["clip"] = (float)clip;
                Tensor Swap(Tensor t, params long[] perm) => OpRunner.One("Transpose", 13, [t], new() { ["perm"] = perm });
                foreach (bool batchFirst in new[] { false, true })
                {
                    Tensor? State(Tensor? t) => t is not null && batchFirst ? Swap(t, 1, 0, 2) : t;
                    attributes["layout"] = batchFirst ? 1L : 0;
                    RuntimeValue?[] inputs = [batchFirst ? Swap(x, 1, 0, 2) : x, w, r, b, full ? Tensor.Vector(lengths) : null, State(h0), State(c0), p];
                    var results = OpRunner.Run(op, 14, op == "LSTM" ? inputs : inputs[..6], attributes, 2);
                    Tensor all = (Tensor)results[0]!, final = (Tensor)results[1]!;
                    AssertEx.Close(Tensor.From(new Shape(Sequence, directions, Batch, Hidden), y), batchFirst ? Swap(all, 1, 2, 0, 3) : all, 1e-5);
                    AssertEx.Close(Tensor.From(new Shape(directions, Batch, Hidden), last), batchFirst ? Swap(final, 1, 0, 2) : final, 1e-5);
                }
            }
    }

    [Fact]
    public void Custom_activations_take_their_parameters_in_order()
    {
        // Affine(2, 1) of x·w, no recurrence: 2 · 3 · 0.5 + 1.
        Tensor x = Tensor.From(new Shape(1, 1, 1), new float[] { 3 }), w = Tensor.From(new Shape(1, 1, 1), new float[] { 0.5f }), r = Tensor.From(new Shape(1, 1, 1), new float[] { 0 });
        var y = OpRunner.One("RNN", 14, [x, w, r], new() { ["activations"] = new[] { "Affine" }, ["activation_alpha"] = new[] { 2f }, ["activation_beta"] = new[] { 1f }, ["hidden_size"] = 1L });
        Assert.Equal([4], y.Span<float>().ToArray());
        Assert.Throws<OperatorException>(() => OpRunner.One("RNN", 14, [x, w, r], new() { ["activations"] = new[] { "Nothing" } }));
        Assert.Throws<OperatorException>(() => OpRunner.One("RNN", 14, [x, w, r, null, Tensor.Vector(2)]));
    }
}
