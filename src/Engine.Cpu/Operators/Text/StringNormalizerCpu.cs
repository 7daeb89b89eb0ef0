using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class StringNormalizerCpu
{
    public static void Run(StringNormalizer op, DynamicContext c)
    {
        var x = c.Tensor(0);
        bool isRow = x.Shape.Rank == 2 && x.Shape[0] == 1;
        if (x.Shape.Rank != 1 && !isRow) throw new OperatorException($"input has shape {x.Shape}, expected [C] or [1,C]");
        var stop = new HashSet<string>(op.StopWords, op.IsCaseSensitive ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase);
        var kept = new List<string>();
        foreach (string s in x.Strings)
            if (!stop.Contains(s)) kept.Add(Change(s, op.ToUpper));
        if (kept.Count == 0) kept.Add("");
        c.Set(0, new Tensor(isRow ? new Shape(1, kept.Count) : new Shape(kept.Count), [.. kept]));
    }

#pragma warning disable CA1308 // The model asks for lower case.
    private static string Change(string s, bool? toUpper) => toUpper switch { null => s, true => s.ToUpperInvariant(), false => s.ToLowerInvariant() };
#pragma warning restore CA1308
}
