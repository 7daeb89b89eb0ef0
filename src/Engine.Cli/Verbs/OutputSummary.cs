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
            var (least, most, sum) = (double.PositiveInfinity, double.NegativeInfinity, 0.0);
            foreach (double x in v) (least, most, sum) = (Math.Min(least, x), Math.Max(most, x), sum + x);
            table.Add(name, t.ToString(), least, most, sum / v.Length, Best(t, v));
        }
    }

    /// <summary>Floats in one row of more than five: [N], [1, N], [1, N, 1, 1].</summary>
    private static string? Best(Tensor t, double[] v)
    {
        if (!t.DType.IsFloat() || v.Length is <= Top or > MaxClasses || Array.IndexOf(t.Shape.Dims.ToArray(), (long)v.Length) < 0) return null;
        var order = new int[v.Length];
        for (int i = 0; i < order.Length; i++) order[i] = i;
        // NaN last, equal scores in order.
        Array.Sort(order, (a, b) => v[a].Equals(v[b]) ? a.CompareTo(b) : v[b].CompareTo(v[a]));
        var best = new string[Top];
        for (int i = 0; i < Top; i++) best[i] = string.Create(CultureInfo.InvariantCulture, $"{order[i]}: {v[order[i]]:G4}");
        return string.Join(", ", best);
    }
}
