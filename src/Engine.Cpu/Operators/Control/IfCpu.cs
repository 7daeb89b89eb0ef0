using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class IfCpu
{
    public static void Run(If op, DynamicContext c)
    {
        bool condition = Condition.Read(c.Tensor(0));
        var results = c.Run(condition ? op.Then : op.Else);
        for (int i = 0; i < results.Count; i++) c.Set(i, results[i]);
    }
}

/// <summary>A boolean of one element.</summary>
internal static class Condition
{
    public static bool Read(Tensor t) => t.DType == DType.Bool && t.Shape.Elements == 1
        ? t.Bytes[0] != 0
        : throw new OperatorException($"a condition must be one boolean, got {t}");
}
