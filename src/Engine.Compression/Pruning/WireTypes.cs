using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>The types that wires have in a run: on the first sample, or on zeros of the shapes that the model declares.</summary>
internal static class WireTypes
{
    /// <summary>Types of all wires; dimensions that the model leaves open are 1. Throws <see cref="InputException"/> where a rank is open too.</summary>
    public static IReadOnlyDictionary<Value, TensorType> Of(ModelGraph graph, CalibrationData data, KernelRegistry kernels, Workers workers, CancellationToken cancellation)
    {
        var types = new Dictionary<Value, TensorType>();
        void Observe(Value v, RuntimeValue value)
        {
            if (value is Tensor t) types[v] = t.Type;
        }
        var inputs = graph.Inputs.ConvertAll(v => data.Inputs.Count > 0 && data.Inputs[0].TryGetValue(v.Name, out var t) ? t : Zeros(v));
        for (int i = 0; i < inputs.Count; i++) Observe(graph.Inputs[i], inputs[i]);
        new Interpreter(kernels, workers) { Observe = Observe }.Run(graph, inputs, cancellation);
        return types;
    }

    private static Tensor Zeros(Value v)
    {
        if (v.Declared is not DeclaredType.Tensor { Dims: { } dims } d) throw new InputException($"input '{v.Name}' has no declared shape: give calibration samples", v.Name);
        return Tensor.Allocate(d.DType, new Shape([.. dims.Select(x => x.IsKnown ? x.Value : 1)]));
    }
}
