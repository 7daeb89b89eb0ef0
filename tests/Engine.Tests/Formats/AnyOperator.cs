using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Formats;

/// <summary>An operator that accepts anything: import is tested apart from what operators ask for.</summary>
internal sealed class AnyOperator(string name, Attributes a) : Operator(a)
{
    public static OnnxReadOptions Options { get; } = new() { Operators = Registry() };

    public override string Name => name;

    public override string Domain => "t";

    public override IReadOnlyList<ModelGraph> Subgraphs { get; } = [.. a.Values.Values.OfType<ModelGraph>()];

    public override void Infer(InferContext c) => throw new OperatorException("has no rule");

    private static OperatorRegistry Registry()
    {
        var r = new OperatorRegistry(OperatorRegistry.Standard);
        foreach (string n in new[] { "A", "B", "C", "If" }) r.Add(n, a => new AnyOperator(n, a), "t");
        if (!r.Contains("", "Identity")) r.Add("Identity", a => new AnyOperator("Identity", a));
        return r;
    }
}
