using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>What the calibration samples showed: inputs of layers, values of wires, and the model's own outputs.</summary>
internal sealed class Calibration
{
    private readonly Dictionary<Value, ValueHistogram> _wires = [];
    private readonly Dictionary<Layer, LayerInputs> _inputs = [];

    private Calibration() { }

    /// <summary>The float model's outputs, a list a sample.</summary>
    public List<IReadOnlyList<RuntimeValue>> Outputs { get; } = [];

    /// <summary>Inputs of a layer, or null where none were seen.</summary>
    public LayerInputs? Inputs(Layer layer) => _inputs.TryGetValue(layer, out var i) && i.Count > 0 ? i : null;

    /// <summary>Types that a wire had in the first sample.</summary>
    public Dictionary<Value, TensorType> Types { get; } = [];

    /// <summary>The values of a wire.</summary>
    public ValueHistogram Wire(Value wire) => _wires[wire];

    /// <summary>
    /// Runs the graph node by node on every sample, twice where ranges need a histogram. <paramref name="wires"/> are those whose range is wanted.
    /// </summary>
    public static Calibration Collect(ModelGraph graph, IReadOnlyList<IReadOnlyDictionary<string, RuntimeValue>> samples, IReadOnlyList<Layer> layers, IReadOnlyCollection<Value> wires, bool histograms, ulong seed,
        KernelRegistry kernels, Workers workers, Action<string> step, CancellationToken cancellation)
    {
        var c = new Calibration();
        foreach (var w in wires) c._wires[w] = new ValueHistogram();
        var readers = new Dictionary<Value, List<LayerInputs>>();
        for (int i = 0; i < layers.Count; i++)
        {
            if (!layers[i].IsProduct || layers[i].Node.Inputs[0] is not { Constant: null } x) continue;
            var inputs = new LayerInputs(layers[i], samples.Count, layers.Count, seed + (ulong)i);
            c._inputs[layers[i]] = inputs;
            (readers.TryGetValue(x, out var list) ? list : readers[x] = []).Add(inputs);
        }
        for (int pass = 0; pass < (histograms && wires.Count > 0 ? 2 : 1); pass++)
            for (int s = 0; s < samples.Count; s++)
            {
                step($"calibration sample {s + 1}");
                bool first = pass == 0;
                void Observe(Value v, RuntimeValue value)
                {
                    if (value is not Tensor { DType: DType.F32 } t) return;
                    if (first && s == 0) c.Types[v] = t.Type;
                    if (c._wires.TryGetValue(v, out var h))
                    {
                        if (first) h.Extend(t.Span<float>());
                        else h.Count(t.Span<float>());
                    }
                    if (first && readers.TryGetValue(v, out var list))
                        foreach (var r in list) r.Add(t);
                }
                var inputs = graph.Inputs.ConvertAll(v => samples[s].TryGetValue(v.Name, out var t) ? t : throw new InputException($"calibration sample {s + 1} has no input '{v.Name}'", v.Name));
                for (int i = 0; i < inputs.Count; i++) Observe(graph.Inputs[i], inputs[i]);
                var outputs = new Interpreter(kernels, workers) { Observe = Observe }.Run(graph, inputs, cancellation);
                if (first) c.Outputs.Add(outputs);
            }
        return c;
    }
}
