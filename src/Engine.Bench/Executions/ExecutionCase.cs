using Engine.Cpu;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What a layer took.</summary>
/// <param name="Times">Nanoseconds of each of <see cref="ExecutionCase.Names"/>.</param>
/// <param name="Conversions">Nanoseconds from and to f32 around the planner's choice.</param>
/// <param name="Chosen">The planner's choice.</param>
/// <param name="Estimates">What it went by.</param>
internal sealed record ExecutionTimes(double[] Times, double Conversions, string Chosen, string Estimates)
{
    public string Fastest => ExecutionCase.Names[Array.IndexOf(Times, Times.Min())];

    public double Ratio => Times[Array.IndexOf(ExecutionCase.Names, Chosen)] / Times.Min();
}

/// <summary>A binary convolution behind a sign of f32, to signs by thresholds or to f32 by scales.</summary>
internal sealed class ExecutionCase(string name, int[] d, bool toSigns)
{
    public static readonly string[] Names = ["packed", "FR", "MST"];

    public string Name => name;

    public bool ToSigns => toSigns;

    public ExecutionTimes Measure(int threads, int runs, CancellationToken cancellation)
    {
        var x = Operand.Random(1, d[0], d[1], d[2], d[3]);
        var graph = Graph();
        var sessions = Names.Select(e => new KernelRegistry(CpuKernels.Standard).Prefer<BinaryConv>(c => c.Execution == e)).Append(CpuKernels.Standard)
            .Select(k => Model.Create(new ModelDefinition(graph), new ModelOptions { Kernels = k }).CreateSession(new SessionOptions { Threads = threads, Profile = true, Affinity = [.. PinnedTeam.Processors(threads)] })).ToList();
        // Results are written to the same memory again.
        var outputs = sessions.ConvertAll(_ => new RuntimeValue?[1]);
        try
        {
            for (int r = -3; r < runs; r++)
                for (int i = 0; i < sessions.Count; i++)
                {
                    sessions[i].Run([x], outputs[i], cancellation);
                    if (r == -1) sessions[i].ResetTimings();
                }
            var own = sessions[^1].Timings;
            var layer = own.Single(t => t.Step.Node?.Op is BinaryConv).Step;
            string chosen = layer.Executions.Split(' ')[0];
            return new([.. sessions.SkipLast(1).Select(s => Sum(s, IsLayer))], Sum(sessions[^1], t => !IsLayer(t)), chosen, layer.Executions);
        }
        finally
        {
            foreach (var s in sessions)
            {
                s.Dispose();
                s.Model.Dispose();
            }
        }
    }

    // The layer, and the way from words to planes or back in front of it.
    private static bool IsLayer(StepTiming t) => t.Step.Node?.Op is BinaryConv || t.Step.Node is null && !t.Step.Stem.Contains("plain", StringComparison.Ordinal);

    private static double Sum(Session s, Func<StepTiming, bool> counted) => s.Timings.Where(counted).Sum(t => new Samples([.. t.Nanoseconds]).Percentile(50));

    private ModelGraph Graph()
    {
        var g = new ModelGraph("layer");
        Value x = new("x", new DeclaredType.Tensor(DType.F32, null)), signs = new("signs"), y = new("y");
        int kernel = d[5], filters = d[4];
        var attributes = new Attributes(1, new Dictionary<string, object> { ["strides"] = new long[] { d[6], d[6] }, ["pads"] = Enumerable.Repeat((long)(kernel / 2), 4).ToArray() });
        var weights = new Value("w") { Constant = SlicedCases.Weights(new(d[0], d[1], filters, 1, ConvCases.Square(d[2], d[3], kernel, d[6])), d[7]) };
        var scale = Operand.Random(2, filters);
        g.Inputs.Add(x);
        g.Outputs.Add(y);
        g.Nodes.Add(new Node("sign", new BinarySign(new Attributes(1)), [x], [signs]));
        g.Nodes.Add(new Node("layer", new BinaryConv(attributes), toSigns ? [signs, weights, Value.Of("threshold", Tensor.Allocate(DType.I32, new Shape(filters)))] : [signs, weights, Value.Of("scale", scale), Value.Of("bias", scale.Clone())], [y]));
        return g;
    }
}
