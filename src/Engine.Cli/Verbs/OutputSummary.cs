using System.Globalization;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>A row an output: name, type, range, mean; the five best classes where the output looks like class scores.</summary>
internal static class OutputSummary
{
    private const int Top = 5, MaxClasses = 100_000;

    public static Report Make(IReadOnlyList<ValueInfo> infos, IReadOnlyList<RuntimeValue> outputs)
    {
        var table = new Table(new("output", "output"), new("type", "type"), new("min", "min", "G6"), new("max", "max", "G6"), new("mean", "mean", "G6"), new("top 5 (class: score)", "top5"));
        for (int i = 0; i < outputs.Count; i++) Add(table, infos[i].Name, outputs[i]);
        return new Report().Add("outputs", "", table);
    }

    private static void Add(Table table, string name, RuntimeValue value)
    {
        if (value is TensorSequence s)
        {
            for (int i = 0; i < s.Items.Count; i++) Add(table, $"{name}[{i}]", s.Items[i]);
            if (s.Items.Count == 0) table.Add(name, "empty sequence", null, null, null, null);
        }
        else if (value is not Tensor t) table.Add(name, "absent", null, null, null, null);
        else if (t.DType == DType.String || t.Shape.Elements == 0) table.Add(name, t.ToString(), null, null, null, t.DType == DType.String ? string.Join(' ', t.Strings.Take(Top).Select(x => $"\"{x}\"")) : null);
        else
        {
            var v = Numbers.ToDoubles(t);
            table.Add(name, t.ToString(), v.Min(), v.Max(), v.Average(), Best(t, v));
        }
    }

    /// <summary>Floats in one row of more than five: [N], [1, N], [1, N, 1, 1].</summary>
    private static string? Best(Tensor t, double[] v)
    {
        if (!t.DType.IsFloat() || v.Length is <= Top or > MaxClasses || !t.Shape.Dims.Contains(v.Length)) return null;
        var order = Enumerable.Range(0, v.Length).OrderByDescending(i => v[i]).Take(Top);
        return string.Join(", ", order.Select(i => string.Create(CultureInfo.InvariantCulture, $"{i}: {v[i]:G4}")));
    }
}
