using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>Something that lies in a register of every lane although nobody computes it, and is known only at the launch.</summary>
/// <param name="Slot">Where.</param>
/// <param name="Name">A special register's name, or null.</param>
/// <param name="Variable">A variable whose address it is, or null.</param>
/// <param name="Bits">The constant, or the bytes added to the variable's address.</param>
internal readonly record struct Preset(Slot Slot, string? Name, VariableSymbol? Variable, ulong Bits);

/// <summary>The places of a kernel's registers, constants and special registers. A lane's value of 32 bits has 4 bytes, of 64 bits 8.</summary>
internal sealed class RegisterFile
{
    /// <summary>The most bytes of a warp's registers.</summary>
    private const int MaxBytes = 64 << 20;

    private readonly Dictionary<(ulong, bool), Slot> _constants = [];
    private readonly Dictionary<(string, bool), Slot> _specials = [];
    private readonly Dictionary<(VariableSymbol, long, bool), Slot> _addresses = [];

    public int Bytes { get; private set; }

    public int Predicates { get; private set; }

    public List<Preset> Presets { get; } = [];

    public int AddPredicate() => Predicates++;

    /// <summary>A new place.</summary>
    public Slot Add(bool wide)
    {
        var slot = new Slot(Bytes, wide);
        Bytes += wide ? 256 : 128;
        return Bytes <= MaxBytes ? slot : throw new PtxLaunchException($"over {MaxBytes} bytes of registers a warp");
    }

    public Slot Constant(ulong bits, bool wide)
    {
        if (!wide) bits = (uint)bits;
        if (!_constants.TryGetValue((bits, wide), out Slot slot))
        {
            _constants[(bits, wide)] = slot = Add(wide);
            Presets.Add(new Preset(slot, null, null, bits));
        }
        return slot;
    }

    public Slot Special(string name, bool wide)
    {
        if (!_specials.TryGetValue((name, wide), out Slot slot))
        {
            _specials[(name, wide)] = slot = Add(wide);
            Presets.Add(new Preset(slot, name, null, 0));
        }
        return slot;
    }

    public Slot Address(VariableSymbol variable, long offset, bool wide)
    {
        if (!_addresses.TryGetValue((variable, offset, wide), out Slot slot))
        {
            _addresses[(variable, offset, wide)] = slot = Add(wide);
            Presets.Add(new Preset(slot, null, variable, (ulong)offset));
        }
        return slot;
    }
}
