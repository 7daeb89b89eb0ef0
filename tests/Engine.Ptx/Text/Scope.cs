namespace Engine.Ptx.Text;

/// <summary>The names of one pair of braces.</summary>
internal sealed class Scope(Scope? parent)
{
    private readonly Dictionary<string, RegisterSymbol> _registers = [];
    private readonly Dictionary<string, (PtxType Type, ulong Count)> _ranges = [];
    private readonly Dictionary<string, VariableSymbol> _variables = [];
    private readonly Dictionary<string, LabelSymbol> _labels = [];

    public Scope? Parent { get; } = parent;

    public bool Declare(string name, PtxType type) => _registers.TryAdd(name, new RegisterSymbol(name, type));

    /// <summary>Registers <paramref name="prefix"/>0 … <paramref name="count"/> − 1.</summary>
    public bool DeclareRange(string prefix, PtxType type, ulong count) => _ranges.TryAdd(prefix, (type, count));

    public bool Declare(VariableSymbol variable) => _variables.TryAdd(variable.Name, variable);

    public RegisterSymbol? Register(string name)
    {
        for (Scope? scope = this; scope != null; scope = scope.Parent)
        {
            if (scope._registers.TryGetValue(name, out RegisterSymbol? found)) return found;
            int digits = name.Length;
            while (digits > 0 && char.IsAsciiDigit(name[digits - 1])) digits--;
            for (; digits < name.Length; digits++)
            {
                if (!scope._ranges.TryGetValue(name[..digits], out var range)) continue;
                if (!ulong.TryParse(name.AsSpan(digits), out ulong number) || number >= range.Count || (name[digits] == '0' && name.Length > digits + 1)) continue;
                return scope._registers[name] = new RegisterSymbol(name, range.Type);
            }
        }
        return null;
    }

    public VariableSymbol? Variable(string name)
    {
        for (Scope? scope = this; scope != null; scope = scope.Parent)
            if (scope._variables.TryGetValue(name, out VariableSymbol? found)) return found;
        return null;
    }

    /// <summary>The label of this scope with this name, which may be found later, or in a scope around this one.</summary>
    public LabelSymbol Label(string name, int line)
    {
        for (Scope? scope = this; scope != null; scope = scope.Parent)
            if (scope._labels.TryGetValue(name, out LabelSymbol? found) && (scope == this || found.Position >= 0)) return found;
        return _labels[name] = new LabelSymbol(name, line);
    }

    /// <summary>The label of this very scope.</summary>
    public LabelSymbol OwnLabel(string name, int line) =>
        _labels.TryGetValue(name, out LabelSymbol? found) ? found : _labels[name] = new LabelSymbol(name, line);

    /// <summary>Labels that this scope mentions and does not hold: their positions are those of the scope around, once known.</summary>
    public IEnumerable<LabelSymbol> Open => _labels.Values.Where(l => l.Position < 0 && l.Targets == null);
}
