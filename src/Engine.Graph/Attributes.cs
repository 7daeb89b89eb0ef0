using Engine.Tensors;

namespace Engine.Graph;

/// <summary>
/// Attributes of a node as the model gives them, with the opset they are to be read under.
/// Values: <see cref="long"/>, <see cref="float"/>, <see cref="string"/>, <see cref="Tensor"/>, <see cref="ModelGraph"/>,
/// <see cref="SparseTensor"/>, <see cref="DeclaredType"/> and arrays of these.
/// </summary>
public sealed class Attributes(int opset, IReadOnlyDictionary<string, object>? values = null)
{
    private readonly IReadOnlyDictionary<string, object> _values = values ?? new Dictionary<string, object>();

    /// <summary>No attributes, newest opset: for operators made by rewrites.</summary>
    public static Attributes None { get; } = new(int.MaxValue);

    /// <summary>Opset of the operator's domain that the model imports.</summary>
    public int Opset { get; } = opset;

    /// <summary>Number of outputs the node asks for, trailing absent ones excluded.</summary>
    public int OutputCount { get; init; } = 1;

    /// <summary>Number of inputs the node has.</summary>
    public int InputCount { get; init; }

    /// <summary>Every attribute.</summary>
    public IReadOnlyDictionary<string, object> Values => _values;

    /// <summary>True when the model gives the attribute.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>The attributes with one added or replaced.</summary>
    public Attributes With(string name, object value) => new(Opset, new Dictionary<string, object>(_values) { [name] = value }) { OutputCount = OutputCount, InputCount = InputCount };

    /// <summary>An integer.</summary>
    public long Int(string name, long fallback) => Find<long>(name, out var v) ? v : fallback;

    /// <summary>An integer that must be given.</summary>
    public long Int(string name) => Find<long>(name, out var v) ? v : throw Missing(name);

    /// <summary>An integer as a truth value.</summary>
    public bool Bool(string name, bool fallback = false) => Int(name, fallback ? 1 : 0) != 0;

    /// <summary>A float.</summary>
    public float Float(string name, float fallback) => Find<float>(name, out var v) ? v : fallback;

    /// <summary>A string.</summary>
    public string String(string name, string fallback) => Find<string>(name, out var v) ? v : fallback;

    /// <summary>A string that must be given.</summary>
    public string String(string name) => Find<string>(name, out var v) ? v : throw Missing(name);

    /// <summary>Integers, or null.</summary>
    public long[]? Ints(string name) => Find<long[]>(name, out var v) ? v : null;

    /// <summary>Floats, or null.</summary>
    public float[]? Floats(string name) => Find<float[]>(name, out var v) ? v : null;

    /// <summary>Strings, or null.</summary>
    public string[]? Strings(string name) => Find<string[]>(name, out var v) ? v : null;

    /// <summary>A tensor, or null.</summary>
    public Tensor? Tensor(string name) => Find<Tensor>(name, out var v) ? v : null;

    /// <summary>A subgraph that must be given.</summary>
    public ModelGraph Graph(string name) => Find<ModelGraph>(name, out var v) ? v : throw Missing(name);

    private bool Find<T>(string name, out T value)
    {
        if (_values.TryGetValue(name, out var o))
        {
            if (o is T t)
            {
                value = t;
                return true;
            }
            // An empty list has no element to tell its kind by.
            if (o is Array { Length: 0 } && typeof(T).IsArray)
            {
                value = typeof(T) == typeof(long[]) ? (T)(object)Array.Empty<long>() : typeof(T) == typeof(float[]) ? (T)(object)Array.Empty<float>() : (T)(object)Array.Empty<string>();
                return true;
            }
            throw new OperatorException($"attribute '{name}' is {Kind(o.GetType())}, expected {Kind(typeof(T))}");
        }
        value = default!;
        return false;
    }

    private static string Kind(Type t) => t == typeof(long) ? "an integer" : t == typeof(float) ? "a float" : t == typeof(string) ? "a string"
        : t == typeof(long[]) ? "integers" : t == typeof(float[]) ? "floats" : t == typeof(string[]) ? "strings"
        : t == typeof(ModelGraph) ? "a graph" : t == typeof(Tensor) ? "a tensor" : t.Name;

    private static OperatorException Missing(string name) => new($"attribute '{name}' is missing");
}

/// <summary>A sparse constant in coordinate form, as models store it: values, and flat or per-axis indices.</summary>
public sealed record SparseTensor(Tensor Values, Tensor Indices, Shape Shape);
