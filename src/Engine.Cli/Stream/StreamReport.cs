using System.Globalization;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>What became of every layer on a stream: exact, late by how much, on whole windows; state and work a hop beside those of a window.</summary>
internal static class StreamReport
{
    public static Report Make(string path, StreamModel model)
    {
        var p = model.Plan;
        var hop = Operations(model.Hop, p);
        var whole = p.Options.Window > 0 ? Whole(path, p) : null;
        var report = new Report();
        // What a hop costs is that of its advances.
        double advances = (double)p.Every / p.Hop;
        report.Add("hop", "samples a hop", p.Every).Add("window", "samples a window", p.Options.Window).Add("state_bytes", "bytes that a stream holds", p.StateBytes)
            .Add("hop_mmac", "MMAC a hop", advances * hop.Values.Sum() / 2e6, "0.###");
        if (p.Every != p.Hop) report.Add("advance", "samples that layers advance by", p.Hop);
        if (whole is not null) report.Add("window_mmac", "MMAC a window", whole.Values.Sum() / 2e6, "0.###");
        if (p.Options.Feedback.Count == 0 && p.Every == p.Hop && model.Deviation() is { } d) report.Add("deviation", "deviation from whole windows, measured on noise", d, "0.0e+0");
        report.Add("outputs", "Outputs", Outputs(p)).Add("layers", "Layers", Layers(p, hop, whole, advances));
        return report;
    }

    private static Table Outputs(StreamPlan p)
    {
        var t = new Table(new("output", "name"), new("type a hop", "type"), new("results a hop", "frames"), new("first in hop", "first_hop"), new("samples a result", "step", "0.###"), new("receptive field", "field", "0.###"), new("delay by the model's padding", "model_delay", "0.###"), new("late by at most, samples", "latency", "0.###"));
        foreach (var o in p.Outputs)
            if (o.Pulse is { } s) t.Add(o.Name, s.Type.ToString(), s.Frames, s.Delay / s.Frames, s.Time.Step, s.Time.Field, s.Time.Newest, s.Delay * s.Time.Step - s.Time.Newest + p.Hop - 1);
            else t.Add(o.Name, "", 1, o.FirstHop, p.Every, null, null, o.HopDelay * p.Hop);
        return t;
    }

    private static Table Layers(StreamPlan p, Dictionary<string, double> hop, Dictionary<string, double>? whole, double advances)
    {
        var t = new Table(new("#", "layer"), new("name", "name"), new("op", "op"), new("form", "form"), new("late by frames", "delay"), new("state bytes", "state_bytes"), new("MMAC a hop", "hop_mmac", "0.####"), new("MMAC a window", "window_mmac", "0.####", whole is null ? Hide.Markdown | Hide.Csv : Hide.Nowhere), new("why", "note"));
        for (int i = 0; i < p.Layers.Count; i++)
        {
            var l = p.Layers[i];
            string form = l.Form switch { StreamForm.Exact => l.Delay > 0 ? $"exact after delay {l.Delay}" : "exact", StreamForm.Approximate => "approximate", StreamForm.Bounded => $"bounded ≤ {RetroactiveAttention.Bound:0e+0}", StreamForm.Misaligned => string.Create(CultureInfo.InvariantCulture, $"bounded ≤ {l.Bound:0.###} amplitudes"), _ => "window" };
            t.Add(i, l.Name, l.Operator, form, l.Delay, l.StateBytes, advances * hop.GetValueOrDefault(l.Name) / 2e6, whole?.GetValueOrDefault(l.Name) / 2e6, l.Note);
        }
        return t;
    }

    private static Dictionary<string, double> Whole(string path, StreamPlan p)
    {
        using var m = Model.Load(path);
        var values = new Dictionary<string, RuntimeValue>();
        foreach (var v in m.Inputs)
            values[v.Name] = p.Options.Constants.TryGetValue(v.Name, out var t) ? Shaped(t, v)
                : RandomInputs.Make(v, v.Name == p.Input.Wire.Name ? new Dictionary<string, Shape> { [v.Name] = p.Input.Type.Shape.With(p.Input.Axis, p.Options.Window) } : p.Options.Shapes);
        return Operations(m.Plan(values));
    }

    private static Tensor Shaped(Tensor t, ValueInfo input) => StreamTransform.Constant(t, input.Type);

    private static Dictionary<string, double> Operations(Model hop, StreamPlan p)
    {
        var values = new Dictionary<string, RuntimeValue>();
        foreach (var v in hop.Inputs)
            if (v.Type is DeclaredType.Tensor { Dims: { } d, DType: var type }) values[v.Name] = Tensor.Allocate(type, new Shape([.. d.Select(x => x.Value)]));
        // What a layer became of several nodes is named behind it.
        var layers = p.Layers.Select(l => l.Name).ToHashSet();
        var of = new Dictionary<string, double>();
        foreach (var (name, operations) in Operations(hop.Plan(values)))
        {
            string layer = name;
            while (!layers.Contains(layer) && layer.LastIndexOf('.') is var at and > 0) layer = layer[..at];
            of[layers.Contains(layer) ? layer : name] = of.GetValueOrDefault(layers.Contains(layer) ? layer : name) + operations;
        }
        return of;
    }

    private static Dictionary<string, double> Operations(Plan plan)
    {
        var of = new Dictionary<string, double>();
        foreach (var s in plan.Steps)
            if (s.Node is { } n && n.Op.Name != "Delay") of[n.Name] = of.GetValueOrDefault(n.Name) + s.Cost.Operations;
        return of;
    }
}
