using System.Diagnostics;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Measures layers alone, in every form in turn, and fills a table with the medians.</summary>
internal sealed class LatencyProbe(KernelRegistry kernels, Workers workers, IReadOnlyDictionary<Value, TensorType> types, CompressionOptions options)
{
    private KernelRegistry Kernels => kernels;

    private Workers Workers => workers;

    private CompressionOptions Options => options;

    private TensorType TypeOf(Value wire) => types[wire];

    private const int Rounds = 7, LeastRuns = 3;
    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(8);

    /// <summary>The key of a layer in a form; null where it is not measured: tables and recurrent weights, or inputs of unknown shape.</summary>
    public LatencyKey? Key(Layer layer, Scheme scheme)
    {
        if (!layer.IsProduct || !types.TryGetValue(layer.Node.Inputs[0]!, out var x)) return null;
        string attributes = StepLatency.Attributes(layer.Node);
        string form = scheme + (options.DynamicActivations && WeightForm.AllowsDynamic(layer, scheme, options.SparseForms) ? "+dynamic" : "");
        return new($"{layer.Node.Op} {attributes}".TrimEnd(), $"{x} {layer.Weight}", form, workers.Threads);
    }

    /// <summary>Measures the forms that the table lacks; factors are those found, other weights stand for any.</summary>
    public void Fill(LatencyTable table, Layer layer, IEnumerable<LayerResult> results, CancellationToken cancellation)
    {
        var forms = new List<(LatencyKey Key, Form Form)>();
        foreach (var r in results)
            if (Key(layer, r.Scheme) is { } key && table.Find(key) is null && forms.TrueForAll(f => f.Key != key)) forms.Add((key, new Form(this, layer, r)));
        for (int round = 0; round < Rounds; round++)
            foreach (var (_, form) in forms) form.Run(warm: round == 0, cancellation);
        foreach (var (key, form) in forms) table.Set(key, form.Median(), form.Kernel);
    }

    /// <summary>One layer in one form, as a graph of its own.</summary>
    private sealed class Form
    {
        private readonly Executor _executor;
        private readonly RuntimeValue[] _inputs;
        private readonly RuntimeValue?[] _outputs = [null];
        private readonly HashSet<string> _names = [];
        private readonly List<long> _nanoseconds = [];

        public Form(LatencyProbe probe, Layer layer, LayerResult result)
        {
            var scheme = result.Scheme;
            var type = probe.TypeOf(layer.Node.Inputs[0]!);
            var x = new Value("x", new DeclaredType.Tensor(type.DType, [.. type.Shape.Dims.ToArray().Select(d => new Dim(d))]));
            var y = new Value("y");
            var inputs = layer.Node.Inputs.ToList();
            inputs[0] = x;
            var node = new Node(layer.Node.Name, layer.Node.Op, inputs, [y]);
            _names.Add(node.Name);
            var graph = new ModelGraph("layer");
            graph.Inputs.Add(x);
            if (scheme.IsFloat)
            {
                graph.Nodes.Add(node);
                graph.Outputs.Add(y);
            }
            else if (result.Factors is { } factors)
            {
                graph.Nodes.AddRange(FactorNodes.Of(layer, factors, node, null));
                foreach (var n in graph.Nodes) _names.Add(n.Name);
                graph.Outputs.Add(y);
            }
            else
            {
                float[] w = layer.Matrix();
                if (scheme.Sparsity is { } sparsity) w = SparsityMask.Apply(SparsityMask.Of(layer, sparsity, SparsityMask.Magnitudes(w)), w);
                var coded = scheme.Kind == CodeKind.Float ? null : RoundToNearest.Run(w, layer.Rows, layer.Columns, layer.Groups(scheme), scheme, [], search: false, probe.Workers);
                var o = probe.Options;
                node = WeightForm.Node(layer, node, scheme, WeightForm.Of(layer, scheme, coded, w, o.SparseForms), null, o.DynamicActivations, o.SparseForms);
                if (scheme.IsStatic)
                {
                    // Grids as after a ReLU: latency does not depend on them.
                    var (q, d, rounded) = StaticPass.Pair(x, new WireQuantization(DType.U8, 1f / 128, 0));
                    var (q2, d2, dequantized) = StaticPass.Pair(y, new WireQuantization(DType.U8, 1f / 16, 128));
                    node.Inputs = [rounded, .. node.Inputs.Skip(1)];
                    graph.Nodes.AddRange([q, d, node, q2, d2]);
                    graph.Outputs.Add(dequantized);
                }
                else
                {
                    graph.Nodes.Add(node);
                    graph.Outputs.Add(y);
                }
            }
            Rewriter.Run(graph, new RewriteContext(new NodeEvaluator(probe.Kernels)), 2);
            _executor = new Executor(new Program(graph, probe.Kernels, new PackedWeights(), new PlanOptions()), probe.Workers, new ExecutorOptions { Profile = true });
            var input = Tensor.Allocate(DType.F32, type.Shape);
            var values = input.Span<float>();
            for (int i = 0; i < values.Length; i++) values[i] = i * 37 % 101 / 101f;
            _inputs = [input];
        }

        public string Kernel { get; private set; } = "";

        public void Run(bool warm, CancellationToken cancellation)
        {
            var watch = Stopwatch.StartNew();
            for (int i = 0; i < LeastRuns || watch.Elapsed < s_turn; i++) _executor.Run(_inputs, _outputs, cancellation);
            if (!warm)
            {
                // Steps before and after the layer belong to its neighbours.
                var steps = _executor.Timings.Where(t => t.Step.Node?.Name is { } name && _names.Contains(name)).ToList();
                for (int i = 0; steps.Count > 0 && i < steps.Min(t => t.Nanoseconds.Count); i++) _nanoseconds.Add(steps.Sum(t => t.Nanoseconds[i]));
                Kernel = string.Join('+', steps.Select(t => t.Step.Stem).Distinct());
            }
            _executor.ResetTimings();
        }

        public long Median()
        {
            _nanoseconds.Sort();
            return _nanoseconds.Count == 0 ? 1 : _nanoseconds[_nanoseconds.Count / 2];
        }
    }
}
