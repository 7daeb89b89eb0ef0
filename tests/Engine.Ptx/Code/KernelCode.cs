using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>The places of a block's shared variables.</summary>
internal sealed class SharedLayout
{
    private readonly Dictionary<VariableSymbol, long> _static = [];
    private readonly HashSet<VariableSymbol> _dynamic = [];

    /// <summary>Bytes of all variables of known size, up to where dynamic memory begins.</summary>
    public long StaticBytes { get; private set; }

    public bool HasDynamic => _dynamic.Count > 0;

    /// <summary>Where dynamic memory begins.</summary>
    public long DynamicStart
    {
        get
        {
            long align = _dynamic.Count == 0 ? 1 : _dynamic.Max(v => v.Align);
            return (StaticBytes + align - 1) / align * align;
        }
    }

    public void Add(VariableSymbol variable)
    {
        if (variable.Bytes == 0)
        {
            _dynamic.Add(variable);
        }
        else if (!_static.ContainsKey(variable))
        {
            long at = (StaticBytes + variable.Align - 1) / variable.Align * variable.Align;
            _static[variable] = at;
            StaticBytes = at + variable.Bytes;
        }
    }

    public long OffsetOf(VariableSymbol variable) => _static.TryGetValue(variable, out long at) ? at : DynamicStart;
}

/// <summary>A kernel ready to be executed.</summary>
internal sealed class KernelCode(PtxFunction entry, Step[] steps, RegisterFile file, SharedLayout shared, long localBytes)
{
    public PtxFunction Entry { get; } = entry;

    public Step[] Steps { get; } = steps;

    public RegisterFile File { get; } = file;

    public SharedLayout Shared { get; } = shared;

    /// <summary>A lane's local memory, a multiple of 16.</summary>
    public int LocalBytes { get; } = checked((int)((localBytes + 15) / 16 * 16));
}
