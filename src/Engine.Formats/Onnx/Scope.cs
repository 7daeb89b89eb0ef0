using Engine.Formats.Onnx.Proto;
using Engine.Graph;

namespace Engine.Formats.Onnx;

/// <summary>
/// The names visible at one place of a model. A subgraph's scope sees its parent's names; the scope of a function body sees none but
/// its own, and carries the attributes that the call gives.
/// </summary>
internal sealed class Scope
{
    private readonly Dictionary<string, Value> _names = new(StringComparer.Ordinal);
    private readonly HashSet<string> _absent = new(StringComparer.Ordinal);

    /// <summary>The scope around a subgraph; null for the main graph and for function bodies.</summary>
    public Scope? Parent { get; init; }

    /// <summary>Number of subgraphs and calls around this scope.</summary>
    public int Depth { get; init; }

    /// <summary>Put before the names of nodes and wires: the path of the calls that lead here.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Opset version a domain.</summary>
    public required IReadOnlyDictionary<string, int> Opsets { get; init; }

    /// <summary>What attribute references stand for; null outside functions.</summary>
    public IReadOnlyDictionary<string, object>? CallAttributes { get; init; }

    /// <summary>The functions being expanded, innermost first: a function must not reach itself.</summary>
    public CallStack? Calls { get; init; }

    /// <summary>Wires that the caller of a function has made for the function's outputs.</summary>
    public Dictionary<string, Value> Promised { get; init; } = [];

    /// <summary>The wire a name stands for here, or null.</summary>
    public Value? Find(string name)
    {
        for (Scope? s = this; s is not null; s = s.Parent)
            if (s._names.TryGetValue(name, out var v)) return v;
        return null;
    }

    /// <summary>The wire that this scope itself, not one around it, gives the name.</summary>
    public Value? Own(string name) => _names.GetValueOrDefault(name);

    /// <summary>True when this scope itself, not one around it, defines the name.</summary>
    public bool Defines(string name) => _names.ContainsKey(name);

    /// <summary>Marks an input that a call does not give.</summary>
    public void LeaveOut(string name) => _absent.Add(name);

    /// <summary>True when the name stands for an input that the call left out.</summary>
    public bool IsLeftOut(string name)
    {
        for (Scope? s = this; s is not null; s = s.Parent)
        {
            if (s._names.ContainsKey(name)) return false;
            if (s._absent.Contains(name)) return true;
        }
        return false;
    }

    /// <summary>Gives a name to a wire; false when the scope has the name already.</summary>
    public bool TryDefine(string name, Value value) => _names.TryAdd(name, value);

    /// <summary>A new wire for a name: the promised one, or one made here.</summary>
    public Value Make(string name) => Promised.Remove(name, out var promised) ? promised : new Value(Prefix + name);
}

/// <summary>A chain of function calls.</summary>
internal sealed record CallStack(FunctionProto Function, CallStack? Outer)
{
    /// <summary>True when the function is being expanded.</summary>
    public bool Contains(FunctionProto function)
    {
        for (CallStack? c = this; c is not null; c = c.Outer)
            if (ReferenceEquals(c.Function, function)) return true;
        return false;
    }
}
