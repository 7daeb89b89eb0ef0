using Engine.Formats.Onnx.Proto;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>
/// Graphs: names become wires, constants become constant wires, calls of the model's functions become the nodes of their bodies.
/// </summary>
internal sealed class GraphImporter
{
    // What a node takes in memory, at least: counted so that calls of calls of calls cannot grow without bound.
    private const int NodeBytes = 512;

    private readonly IReadOnlyDictionary<(string, string, string), FunctionProto> _functions;
    private readonly string? _file;
    private readonly OperatorRegistry _operators;
    private readonly LoadBudget _budget;
    private readonly TensorSource _tensors;
    private readonly AttributeImporter _attributes;

    public GraphImporter(IReadOnlyDictionary<(string, string, string), FunctionProto> functions, string? file, OperatorRegistry operators, LoadBudget budget)
    {
        (_functions, _file, _operators, _budget) = (functions, file, operators, budget);
        _tensors = new TensorSource(budget, file);
        _attributes = new AttributeImporter(this, _tensors, file);
    }

    /// <summary>A branch or loop body: sees the names around it.</summary>
    public ModelGraph ImportSubgraph(GraphProto graph, Scope around) =>
        Import(graph, new Scope { Parent = around, Prefix = around.Prefix, Opsets = around.Opsets, CallAttributes = around.CallAttributes, Calls = around.Calls });

    /// <summary>A graph with a scope of its own.</summary>
    public ModelGraph Import(GraphProto graph, Scope scope)
    {
        var g = new ModelGraph(graph.Name);
        foreach (var v in graph.ValueInfo) scope.Hints[v.Name] = v.Type;
        foreach (var t in graph.Initializer)
        {
            var tensor = _tensors.Read(t, out string name);
            Define(scope, name, Value.Of(scope.Prefix + name, tensor), "initializer");
        }
        foreach (var t in graph.SparseInitializer)
        {
            var sparse = _tensors.ReadSparse(t, out string name);
            Define(scope, name, Value.Of(scope.Prefix + name, _tensors.Densify(sparse, name)), "initializer");
        }
        foreach (var i in graph.Input)
        {
            // Before IR version 4 every initializer had to be an input too; a later file means a default that no caller here replaces.
            if (scope.Defines(i.Name) && scope.Find(i.Name)!.Constant is not null && !g.Inputs.Any(v => v.Name == scope.Prefix + i.Name)) continue;
            var value = new Value(scope.Prefix + i.Name, TypeImporter.Read(i.Type, i.Name, _file));
            Define(scope, i.Name, value, "input");
            g.Inputs.Add(value);
        }
        ImportNodes(graph.Node, scope, g.Nodes, graph.Name);
        foreach (var o in graph.Output)
        {
            var value = scope.Find(o.Name) ?? throw new InvalidModelException($"graph '{graph.Name}': output '{o.Name}' is never produced", _file);
            value.Declared ??= TypeImporter.Read(o.Type, o.Name, _file);
            g.Outputs.Add(value);
        }
        return g;
    }

    private void ImportNodes(IReadOnlyList<NodeProto> nodes, Scope scope, List<Node> to, string graph)
    {
        foreach (int i in NodeOrder.Of(nodes, scope, graph, _file)) ImportNode(nodes[i], scope, to);
    }

    private void ImportNode(NodeProto n, Scope scope, List<Node> to)
    {
        _budget.Take(NodeBytes, "the graph");
        string name = scope.Prefix + (n.Name.Length > 0 ? n.Name : n.Output.FirstOrDefault(o => o.Length > 0) ?? n.OpType);
        string domain = ModelImporter.Domain(n.Domain);
        var attributes = _attributes.Read(n.Attribute, scope, name);
        var inputs = new List<Value?>(n.Input.Count);
        foreach (string i in n.Input)
            inputs.Add(i.Length == 0 || scope.IsLeftOut(i) ? null : scope.Find(i) ?? throw new InvalidModelException($"node '{name}' ({n.OpType}) reads '{i}', which nothing produces", _file));
        while (inputs.Count > 0 && inputs[^1] is null) inputs.RemoveAt(inputs.Count - 1);

        if (_functions.TryGetValue((domain, n.OpType, n.Overload), out var function))
        {
            Call(function, n, name, inputs, attributes, scope, to);
            return;
        }
        if (domain.Length == 0 && n.OpType == "Constant")
        {
            if (n.Output.Count != 1 || n.Output[0].Length == 0) throw new InvalidModelException($"node '{name}' (Constant) has no output", _file);
            var tensor = ConstantNode.Value(attributes, _tensors, name, _file);
            var made = scope.Make(n.Output[0]);
            made.Constant = new Dense(tensor);
            Define(scope, n.Output[0], made, "output");
            return;
        }

        if (!scope.Opsets.TryGetValue(domain, out int opset)) throw new InvalidModelException($"node '{name}' ({n.OpType}): the model imports no opset of domain '{(domain.Length == 0 ? "ai.onnx" : domain)}'", _file);
        var outputs = new List<Value?>(n.Output.Count);
        foreach (string o in n.Output) outputs.Add(o.Length == 0 ? null : scope.Make(o));
        while (outputs.Count > 0 && outputs[^1] is null) outputs.RemoveAt(outputs.Count - 1);
        var op = _operators.Create(domain, n.OpType, new Attributes(opset, attributes) { InputCount = inputs.Count, OutputCount = outputs.Count }, name);
        for (int i = 0; i < outputs.Count; i++)
            if (outputs[i] is { } v) Define(scope, n.Output[i], v, "output");
        to.Add(new Node(name, op, inputs, outputs));
    }

    /// <summary>Puts the nodes of a function's body in place of a call of it.</summary>
    private void Call(FunctionProto f, NodeProto call, string name, List<Value?> inputs, Dictionary<string, object> attributes, Scope scope, List<Node> to)
    {
        string what = $"function '{f.Domain}.{f.Name}'";
        if (scope.Calls?.Contains(f) == true) throw new InvalidModelException($"{what} calls itself", _file);
        if (inputs.Count > f.Input.Count || call.Output.Count > f.Output.Count)
            throw new InvalidModelException($"node '{name}' gives {what} {inputs.Count} inputs and {call.Output.Count} outputs; it has {f.Input.Count} and {f.Output.Count}", _file);

        var given = new Dictionary<string, object>(attributes, StringComparer.Ordinal);
        var defaults = new Scope { Opsets = scope.Opsets };
        foreach (var (key, value) in _attributes.Read(f.AttributeProto, defaults, name)) given.TryAdd(key, value);
        var opsets = f.OpsetImport.Count > 0 ? ModelImporter.Opsets(f.OpsetImport, _file) : scope.Opsets;
        var body = new Scope { Prefix = name + "/", Opsets = opsets, CallAttributes = given, Calls = new CallStack(f, scope.Calls) };
        foreach (var v in f.ValueInfo) body.Hints[v.Name] = v.Type;
        for (int i = 0; i < f.Input.Count; i++)
        {
            // An input that the call leaves out stands for "absent" wherever the body passes it on.
            if (i < inputs.Count && inputs[i] is { } v) Define(body, f.Input[i], v, "function input");
            else body.LeaveOut(f.Input[i]);
        }
        var results = new List<(string Outer, string Inner, Value Wire)>();
        for (int i = 0; i < call.Output.Count; i++)
        {
            if (call.Output[i].Length == 0) continue;
            var wire = scope.Make(call.Output[i]);
            results.Add((call.Output[i], f.Output[i], wire));
            if (!body.Defines(f.Output[i])) body.Promised.TryAdd(f.Output[i], wire);
        }
        ImportNodes(f.Node, body, to, what);
        foreach (var (outer, inner, wire) in results)
        {
            var made = body.Find(inner) ?? throw new InvalidModelException($"{what}: output '{inner}' is never produced", _file);
            // The function hands through an input, or one wire twice: the caller's name still needs a wire of its own.
            if (!ReferenceEquals(made, wire))
                to.Add(new Node(wire.Name, _operators.Create("", "Identity", new Attributes(OnnxModelReader.NewestOpset) { InputCount = 1 }, wire.Name), [made], [wire]));
            Define(scope, outer, wire, "output");
        }
    }

    private void Define(Scope scope, string name, Value value, string role)
    {
        if (name.Length == 0) throw new InvalidModelException($"an {role} has no name", _file);
        if (!scope.TryDefine(name, value)) throw new InvalidModelException($"name '{name}' is defined twice ({role})", _file);
    }
}
