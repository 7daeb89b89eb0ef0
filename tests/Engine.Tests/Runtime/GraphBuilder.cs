using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Builds graphs in tests.</summary>
internal sealed class GraphBuilder
{
    private static int s_wires;

    public ModelGraph Graph { get; } = new("test");

    public Value Input(string name, DType dtype)
    {
        var v = new Value(name, new DeclaredType.Tensor(dtype, null));
        Graph.Inputs.Add(v);
        return v;
    }

    public Value Constant(Tensor t) => Value.Of($"c{Interlocked.Increment(ref s_wires)}", t);

    public void Output(Value v) => Graph.Outputs.Add(v);

    public Value Op(string op, int opset, Value?[] inputs, Dictionary<string, object>? attributes = null) => Ops(op, opset, inputs, attributes, 1)[0];

    public Value[] Ops(string op, int opset, Value?[] inputs, Dictionary<string, object>? attributes, int outputs)
    {
        string name = $"{op}{Interlocked.Increment(ref s_wires)}";
        var made = Enumerable.Range(0, outputs).Select(i => new Value($"{name}:{i}")).ToArray();
        var o = OperatorRegistry.Standard.Create("", op, new Attributes(opset, attributes) { InputCount = inputs.Length, OutputCount = outputs }, name);
        Graph.Nodes.Add(new Node(name, o, inputs, made));
        return made;
    }

    public Value If(Value condition, Func<GraphBuilder, Value> then, Func<GraphBuilder, Value> otherwise)
    {
        ModelGraph Branch(Func<GraphBuilder, Value> make)
        {
            var b = new GraphBuilder();
            b.Output(make(b));
            return b.Graph;
        }
        return Op("If", 13, [condition], new() { ["then_branch"] = Branch(then), ["else_branch"] = Branch(otherwise) });
    }

    public Value[] Loop(Value trips, Value[] carried, Func<GraphBuilder, Value[], (Value[] Next, Value[] Stacked)> make)
    {
        var body = new GraphBuilder();
        body.Input("i", DType.I64);
        var condition = body.Input("condition", DType.Bool);
        var inner = carried.Select((_, i) => body.Input($"carried{i}", DType.F32)).ToArray();
        var (next, stacked) = make(body, inner);
        foreach (var v in (Value[])[condition, .. next, .. stacked]) body.Output(v);
        return Ops("Loop", 13, [trips, null, .. carried], new() { ["body"] = body.Graph }, next.Length + stacked.Length);
    }
}
