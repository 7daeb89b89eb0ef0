using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Mean squares of channels over the calibration samples, by wire and set.</summary>
internal static class ChannelEnergy
{
    public static IReadOnlyDictionary<Value, IReadOnlyDictionary<int, double>> Measure(ModelGraph graph, ChannelAnalysis a, CalibrationData data, KernelRegistry kernels, Workers workers, Action<string> step, CancellationToken cancellation)
    {
        var sums = a.Linear.Select(l => l.Node.Inputs[0]!).Distinct().ToDictionary(w => w, w => new Dictionary<int, (double Sum, long Count)>());
        var first = a.Linear.DistinctBy(l => l.Node.Inputs[0]).ToDictionary(l => l.Node.Inputs[0]!, l => l.Node.Op is Conv ? 1 : -1);
        var axes = new Dictionary<Value, (int[] Sets, int Inner)>();
        void Observe(Value v, RuntimeValue value)
        {
            if (value is not Tensor { DType: DType.F32 } t || !sums.TryGetValue(v, out var of) || a.Of(v) is not { } labels) return;
            // The first sample's labels serve all: channels do not move with the other axes.
            if (!axes.TryGetValue(v, out var layout)) axes[v] = layout = Layout(a, labels, first[v]);
            if (layout.Sets.Length == 0) return;
            var x = t.Span<float>();
            for (int i = 0; i < x.Length; i += layout.Inner)
            {
                double sum = 0;
                int length = Math.Min(layout.Inner, x.Length - i);
                for (int j = 0; j < length; j++) sum += (double)x[i + j] * x[i + j];
                int set = layout.Sets[i / layout.Inner % layout.Sets.Length];
                var before = of.GetValueOrDefault(set);
                of[set] = (before.Sum + sum, before.Count + length);
            }
        }
        for (int s = 0; s < data.Inputs.Count; s++)
        {
            step($"calibration sample {s + 1}");
            var inputs = graph.Inputs.ConvertAll(v => data.Inputs[s].TryGetValue(v.Name, out var t) ? t : throw new InputException($"calibration sample {s + 1} has no input '{v.Name}'", v.Name));
            for (int i = 0; i < inputs.Count; i++) Observe(graph.Inputs[i], inputs[i]);
            new Interpreter(kernels, workers) { Observe = Observe }.Run(graph, inputs, cancellation);
        }
        return sums.ToDictionary(p => p.Key, p => (IReadOnlyDictionary<int, double>)p.Value.ToDictionary(q => q.Key, q => q.Value.Sum / Math.Max(1, q.Value.Count)));
    }

    private static (int[] Sets, int Inner) Layout(ChannelAnalysis a, Tensor labels, int channelAxis)
    {
        int axis = channelAxis < 0 ? labels.Shape.Rank - 1 : channelAxis, inner = Checked.Int(labels.Shape.Product(axis + 1, labels.Shape.Rank));
        var l = labels.Span<int>();
        var sets = new int[labels.Shape.Int(axis)];
        for (int i = 0; i < sets.Length; i++) sets[i] = a.Sets.Find(l[i * inner]);
        return (sets, Math.Max(1, inner));
    }
}
