using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Makes an operator from its attributes.</summary>
public delegate Operator OperatorFactory(Attributes attributes);

/// <summary>Which operators can be read, by domain and name. A host may add its own.</summary>
public sealed class OperatorRegistry
{
    private readonly Dictionary<(string Domain, string Name), OperatorFactory> _factories = [];

    /// <summary>Creates an empty registry, or a copy of <paramref name="from"/> to extend.</summary>
    public OperatorRegistry(OperatorRegistry? from = null)
    {
        if (from is not null) foreach (var (k, f) in from._factories) _factories[k] = f;
    }

    /// <summary>Every operator that ships with the engine.</summary>
    public static OperatorRegistry Standard { get; } = Operators.StandardOperators.Create();

    /// <summary>Domain and name of every operator known.</summary>
    public IEnumerable<(string Domain, string Name)> Known => _factories.Keys;

    /// <summary>Adds an operator; the ONNX domain is the empty string.</summary>
    public OperatorRegistry Add(string name, OperatorFactory factory, string domain = "")
    {
        if (!_factories.TryAdd((domain, name), factory)) throw new ArgumentException($"operator {domain}.{name} is registered already");
        return this;
    }

    /// <summary>True when the operator is known.</summary>
    public bool Contains(string domain, string name) => _factories.ContainsKey((Normalize(domain), name));

    /// <summary>Makes the operator; an unknown one or a wrong attribute throws a typed error naming the node.</summary>
    public Operator Create(string domain, string name, Attributes attributes, string node)
    {
        string where = $"node '{node}' ({(domain.Length == 0 ? "" : domain + ".")}{name}, opset {attributes.Opset})";
        if (!_factories.TryGetValue((Normalize(domain), name), out var factory))
            throw new UnsupportedException($"{where}: operator {name} of domain '{(Normalize(domain).Length == 0 ? "ai.onnx" : domain)}' is not supported");
        try
        {
            return factory(attributes);
        }
        catch (OperatorException e)
        {
            throw new OperatorException(e.Detail, where, e);
        }
        catch (Exception e) when (Faults.IsEscaped(e))
        {
            throw Faults.Escaped(e, where);
        }
    }

    private static string Normalize(string domain) => domain == "ai.onnx" ? "" : domain;
}
