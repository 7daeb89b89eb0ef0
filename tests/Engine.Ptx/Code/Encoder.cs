using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>One instruction with its operands on the way to an <see cref="Operation"/>.</summary>
internal sealed class Encoder
{
    private readonly FunctionCompiler _compiler;

    public Encoder(FunctionCompiler compiler, PtxInstruction instruction)
    {
        _compiler = compiler;
        Instruction = instruction;
        Types = [.. instruction.Modifiers.Select(PtxTypes.Parse).Where(t => t != PtxType.None)];
    }

    public PtxInstruction Instruction { get; }

    /// <summary>The types that the instruction names, in order.</summary>
    public PtxType[] Types { get; }

    /// <summary>The last type, which is the operands'.</summary>
    public PtxType Type => Types.Length > 0 ? Types[^1] : throw Unsupported("no type");

    public int Count => Instruction.Operands.Length;

    public FunctionCompiler Compiler => _compiler;

    public bool Has(string modifier) => Instruction.Has(modifier);

    public PtxUnsupportedException Unsupported(string reason) => new(_compiler.Module, Instruction.Line, Instruction.Text, reason);

    public PtxSyntaxException Wrong(string reason) => new(_compiler.Module, Instruction.Line, $"'{Instruction.Text}': {reason}");

    public Operand Operand(int index) => index < Count ? Instruction.Operands[index] : throw Wrong($"operand {index + 1} is missing");

    /// <summary>Asserts how many operands there are.</summary>
    public void Expect(int least, int most = -1)
    {
        if (Count < least || Count > Math.Max(least, most)) throw Wrong($"{Count} operands");
    }

    /// <summary>The place of a result of a type's width.</summary>
    public int Result(int index, PtxType type) => Result(Operand(index), type.Bits() == 64);

    public int Result(Operand operand, bool wide)
    {
        if (operand is SinkOperand) return _compiler.File.Add(wide).Offset;
        Slot slot = Register(operand);
        return slot.Wide == wide ? slot.Offset : throw Wrong($"the result has {(wide ? 64 : 32)} bits, its register has not");
    }

    /// <summary>The place of an operand of a type's width.</summary>
    public int Source(int index, PtxType type) => Source(Operand(index), type);

    public int Source(Operand operand, PtxType type)
    {
        bool wide = type.Bits() == 64;
        Slot slot = AnySource(operand, type);
        return slot.Wide == wide ? slot.Offset : throw Wrong($"an operand has {(wide ? 64 : 32)} bits, its register has not");
    }

    /// <summary>The place of a register, whatever its width.</summary>
    public Slot Register(Operand operand)
    {
        if (operand is not RegisterOperand { Negated: false } register) throw Wrong("expected a register");
        if (register.Register.Type == PtxType.Pred) throw Wrong($"'{register.Register.Name}' is a predicate");
        return _compiler.SlotOf(register.Register);
    }

    /// <summary>The place of an operand, whatever its register's width; constants are of the type's.</summary>
    public Slot AnySource(Operand operand, PtxType type)
    {
        bool wide = type.Bits() == 64;
        switch (operand)
        {
            case RegisterOperand: return Register(operand);
            case ImmediateOperand immediate: return _compiler.File.Constant(Bits(immediate, type), wide);
            case SpecialOperand special when special.Name.StartsWith("%clock", StringComparison.Ordinal) || special.Name.StartsWith("%globaltimer", StringComparison.Ordinal):
                throw Unsupported("clocks can only be moved to a register");
            case SpecialOperand special: return _compiler.File.Special(special.Name, wide);
            case VariableOperand variable: return _compiler.AddressOf(variable, wide);
            default: throw Wrong("an operand of this kind cannot be read");
        }
    }

    private static ulong Bits(ImmediateOperand immediate, PtxType type) => (immediate.Kind, type) switch
    {
        (ImmediateKind.Float64, PtxType.F32) => BitConverter.SingleToUInt32Bits((float)BitConverter.UInt64BitsToDouble(immediate.Bits)),
        (ImmediateKind.Float32, PtxType.F64) => BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle((uint)immediate.Bits)),
        _ => type.Bits() switch { 8 => immediate.Bits & 0xff, 16 => immediate.Bits & 0xffff, 64 => immediate.Bits, _ => (uint)immediate.Bits },
    };

    /// <summary>An integer known before the launch.</summary>
    public int Constant(int index) =>
        Operand(index) is ImmediateOperand { Kind: ImmediateKind.Integer } immediate ? (int)immediate.Bits : throw Unsupported($"operand {index + 1} has to be a constant");

    /// <summary>The index of a predicate that is written.</summary>
    public int PredicateResult(Operand operand)
    {
        if (operand is SinkOperand) return _compiler.File.AddPredicate();
        return operand is RegisterOperand { Register.Type: PtxType.Pred, Negated: false } register
            ? _compiler.PredicateOf(register.Register)
            : throw Wrong("expected a predicate");
    }

    /// <summary>The index of a predicate that is read, and the bits to turn over.</summary>
    public (int Index, uint Flip) Predicate(int index)
    {
        Operand operand = Operand(index);
        return operand is RegisterOperand { Register.Type: PtxType.Pred } register
            ? (_compiler.PredicateOf(register.Register), register.Negated ? uint.MaxValue : 0)
            : throw Wrong("expected a predicate");
    }

    /// <summary>The items of a list, or the operand itself.</summary>
    public IReadOnlyList<Operand> Items(int index) => Operand(index) is ListOperand list ? list.Items : [Operand(index)];

    /// <summary>The places of a list's registers of 32 bits.</summary>
    public int[] Words(int index, int count, bool result = false)
    {
        IReadOnlyList<Operand> items = Items(index);
        if (items.Count != count) throw Wrong($"operand {index + 1} has {items.Count} registers, expected {count}");
        return [.. items.Select(i => result ? Result(i, wide: false) : Source(i, PtxType.B32))];
    }

    /// <summary>An address operand: a base in a register, and bytes.</summary>
    public Address Address(int index)
    {
        if (Operand(index) is not AddressOperand address) throw Wrong($"operand {index + 1} has to be an address");
        return address.Base switch
        {
            null => new Address(_compiler.File.Constant(0, wide: true), address.Offset),
            VariableOperand variable => new Address(_compiler.AddressOf(variable, wide: true), address.Offset),
            _ => new Address(Register(address.Base), address.Offset),
        };
    }
}

/// <summary>Where an address comes from.</summary>
internal readonly record struct Address(Slot Base, long Offset);
