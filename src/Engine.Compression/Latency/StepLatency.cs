using System.Globalization;
using Engine.Graph;
using Engine.Runtime;

namespace Engine.Compression;

/// <summary>Latencies of the steps of plans, fused as they run, in a <see cref="LatencyTable"/>.</summary>
public static class StepLatency
{
    /// <summary>The key of a step: the operator with what is fused to it and its attributes, the types and encodings of operands and result, the kernel.</summary>
    public static LatencyKey Key(PlanStep step, int threads) => new($"{step.Operator} {(step.Node is { } n ? Attributes(n) : "")}".TrimEnd(), $"{step.Operands} → {step.OutputDescription}", step.Stem, threads);

    internal static string Attributes(Node node) => string.Join(' ', node.Op.Attributes.Values.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}={Show(a.Value)}"));

    private static string Show(object value) => value switch
    {
        Array a => string.Join(',', a.Cast<object>().Select(Show)),
        IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
