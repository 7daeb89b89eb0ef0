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
    private const int NodeBytes = 832;

    // What a scope takes, and a name in it.
    private const int ScopeBytes = 1536, NameBytes = 128;

    // Nesting of subgraphs and function calls together.
    private const int MaxDepth = 64;

    private readonly IReadOnlyDictionary<(string, string, string), FunctionProto> _functions;
    private readonly string? _file;
    private readonly OperatorRegistry _operators;
    private readonly LoadBudget _budget;
    private readonly TensorSource _tensors;
    private readonly AttributeImporter _attributes;
    private readonly Dictionary<FunctionProto, long> _headBytes = new(ReferenceEqualityComparer.Instance);

    public GraphImporter(IReadOnlyDictionary<(string, string, string), FunctionProto> functions, string? file, OperatorRegistry operators, TensorSource tensors, LoadBudget budget)
    {
        (_functions, _file, _operators, _tensors, _budget) = (functions, file, operators, tensors, budget);
        _attributes = new AttributeImporter(this, tensors, file);
    }

    /// <summary>A branch or loop body: sees the names around it.</summary>
    public ModelGraph ImportSubgraph(GraphProto graph, Scope around) =>
        Import(graph, new Scope { Parent = around, Depth = around.Depth + 1, Prefix = around.Prefix, Opsets = around.Opsets, CallAttributes = around.CallAttributes, Calls = around.Calls });

    /// <summary>A graph with a scope of its own.</summary>
    public ModelGraph Import(GraphProto graph, Scope scope)
    {
        var g = new ModelGraph(graph.Name);
        foreach (var t in graph.Initializer)
        {
            Define(scope, t.Name, Value.Of(scope.Prefix + t.Name, _tensors.Read(t)), "initializer");
        }
        foreach (var t in graph.SparseInitializer)
        {
            string name = t.Values?.Name ?? "";
            var sparse = _tensors.ReadSparse(t);
            Define(scope, name, Value.Of(scope.Prefix + name, _tensors.Densify(sparse, name)), "initializer");
        }
        foreach (var i in graph.Input)
        {
            // Before IR version 4 every initializer had to be an input too; a later file means a default that no caller here replaces.
            if (scope.Own(i.Name)?.Constant is not null) continue;
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
        if (scope.Depth > MaxDepth) throw new InvalidModelException($"graph '{graph}': subgraphs and function calls are nested deeper than {MaxDepth}", _file);
        foreach (int i in NodeOrder.Of(nodes, scope, graph, _file)) ImportNode(nodes[i], scope, to);
    }

    private void ImportNode(NodeProto n, Scope scope, List<Node> to)
    {
        _budget.Take(Checked.Add(NodeBytes, Checked.Mul(2L * scope.Prefix.Length + 64, n.Output.Count + 1L)), "the graph");
        string name = scope.Prefix + (n.Name.Length > 0 ? n.Name : n.Output.FirstOrDefault(o => o.Length > 0) ?? n.OpType);
        string domain = ModelImporter.Domain(n.Domain);
        var attributes = _attributes.Read(n.Attribute, scope, name);
        var inputs = new Value?[Present(n.Input, scope)];
        for (int i = 0; i < inputs.Length; i++)
            inputs[i] = IsAbsent(n.Input[i], scope) ? null : scope.Find(n.Input[i]) ?? throw new InvalidModelException($"node '{name}' ({n.OpType}) reads '{n.Input[i]}', which nothing produces", _file);

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
        var outputs = new Value?[Present(n.Output, null)];
        for (int i = 0; i < outputs.Length; i++) outputs[i] = n.Output[i].Length == 0 ? null : scope.Make(n.Output[i]);
        var op = _operators.Create(domain, n.OpType, new Attributes(opset, attributes) { InputCount = inputs.Length, OutputCount = outputs.Length }, name);
        for (int i = 0; i < outputs.Length; i++)
            if (outputs[i] is { } v) Define(scope, n.Output[i], v, "output");
        to.Add(new Node(name, op, inputs, outputs));
    }

    /// <summary>Puts the nodes of a function's body in place of a call of it.</summary>
    private void Call(FunctionProto f, NodeProto call, string name, Value?[] inputs, Dictionary<string, object> attributes, Scope scope, List<Node> to)
    {
        string what = $"function '{f.Domain}.{f.Name}'";
        // Every call repeats the work of reading the head of the definition.
        _budget.Take(_headBytes.TryGetValue(f, out long size) ? size : _headBytes[f] = ScopeBytes + NameBytes * ((long)f.Input.Count + f.Output.Count + f.OpsetImport.Count) + f.AttributeProto.Sum(a => (long)a.CalculateSize()), what);
        if (scope.Calls?.Contains(f) == true) throw new InvalidModelException($"{what} calls itself", _file);
        if (inputs.Length > f.Input.Count || call.Output.Count > f.Output.Count)
            throw new InvalidModelException($"node '{name}' gives {what} {inputs.Length} inputs and {call.Output.Count} outputs; it has {f.Input.Count} and {f.Output.Count}", _file);

        var given = new Dictionary<string, object>(attributes, StringComparer.Ordinal);
        var defaults = new Scope { Opsets = scope.Opsets };
        foreach (var (key, value) in _attributes.Read(f.AttributeProto, defaults, name)) given.TryAdd(key, value);
        var opsets = f.OpsetImport.Count > 0 ? ModelImporter.Opsets(f.OpsetImport, _file) : scope.Opsets;
        var body = new Scope { Depth = scope.Depth + 1, Prefix = name + "/", Opsets = opsets, CallAttributes = given, Calls = new CallStack(f, scope.Calls) };
        for (int i = 0; i < f.Input.Count; i++)
        {
            // An input that the call leaves out stands for "absent" wherever the body passes it on.
            if (i < inputs.Length && inputs[i] is { } v) Define(body, f.Input[i], v, "function input");
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

    private static bool IsAbsent(string name, Scope? scope) => name.Length == 0 || scope?.IsLeftOut(name) == true;

    // Absent operands at the end are not there at all.
    private static int Present(IReadOnlyList<string> names, Scope? scope)
    {
        int n = names.Count;
        while (n > 0 && IsAbsent(names[n - 1], scope)) n--;
        return n;
    }

    private void Define(Scope scope, string name, Value value, string role)
    {
        if (name.Length == 0) throw new InvalidModelException($"an {role} has no name", _file);
        if (!scope.TryDefine(name, value)) throw new InvalidModelException($"name '{name}' is defined twice ({role})", _file);
    }
}
