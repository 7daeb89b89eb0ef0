namespace Engine.Ptx.Text;

internal enum PtxSpace
{
    Generic,
    Global,
    Constant,
    Shared,
    Local,

    /// <summary>A kernel's parameters.</summary>
    Parameter,

    /// <summary>Arguments and results of device functions.</summary>
    Argument,
}

/// <summary>A register of a function, one for every lane.</summary>
internal sealed class RegisterSymbol(string name, PtxType type)
{
    public string Name { get; } = name;

    public PtxType Type { get; } = type;
}

/// <summary>A variable with an address.</summary>
internal sealed class VariableSymbol(string name, PtxSpace space, int align, long bytes)
{
    public string Name { get; } = name;

    public PtxSpace Space { get; } = space;

    public int Align { get; } = align;

    /// <summary>0 for the block's dynamic shared memory.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>The place in its space, where the parser knows it: parameters, and arrays of one function.</summary>
    public long Offset { get; set; }

    /// <summary>What the variable holds first; empty for zeros.</summary>
    public byte[] Initial { get; set; } = [];
}

/// <summary>A place in a function's instructions.</summary>
internal sealed class LabelSymbol(string name, int line)
{
    public string Name { get; } = name;

    /// <summary>Of the first mention.</summary>
    public int Line { get; } = line;

    /// <summary>-1 until the label is found.</summary>
    public int Position { get; set; } = -1;

    /// <summary>What <c>.branchtargets</c> lists.</summary>
    public List<LabelSymbol>? Targets { get; set; }
}

internal abstract record Operand;

internal sealed record RegisterOperand(RegisterSymbol Register, bool Negated = false) : Operand;

/// <summary>Such as <c>%tid.x</c>.</summary>
internal sealed record SpecialOperand(string Name) : Operand;

internal enum ImmediateKind
{
    Integer,
    Float32,
    Float64,
}

internal sealed record ImmediateOperand(ulong Bits, ImmediateKind Kind) : Operand;

/// <summary>A variable's address plus bytes.</summary>
internal sealed record VariableOperand(VariableSymbol Variable, long Offset = 0) : Operand;

internal sealed record LabelOperand(LabelSymbol Label) : Operand;

/// <summary>A device function; also one that is declared only.</summary>
internal sealed record FunctionOperand(string Name) : Operand;

/// <summary><c>[base+offset]</c>; no base for an absolute address.</summary>
internal sealed record AddressOperand(Operand? Base, long Offset) : Operand;

/// <summary><c>{a, b, …}</c>, and <c>(a, b, …)</c> of a call.</summary>
internal sealed record ListOperand(IReadOnlyList<Operand> Items) : Operand;

/// <summary><c>p|q</c>.</summary>
internal sealed record PairOperand(Operand First, Operand Second) : Operand;

/// <summary><c>_</c>: a result that nobody wants.</summary>
internal sealed record SinkOperand : Operand;

/// <summary>An instruction as written.</summary>
internal sealed class PtxInstruction(int line, string text, string opcode, string[] modifiers, Operand[] operands, RegisterOperand? guard)
{
    public int Line { get; } = line;

    public string Text { get; } = text;

    /// <summary>The first word, such as <c>mad</c>.</summary>
    public string Opcode { get; } = opcode;

    /// <summary>The words after it, such as <c>lo</c> and <c>s32</c>.</summary>
    public string[] Modifiers { get; } = modifiers;

    public Operand[] Operands { get; } = operands;

    public RegisterOperand? Guard { get; } = guard;

    public bool Has(string modifier) => Array.IndexOf(Modifiers, modifier) >= 0;
}

/// <summary>A kernel or a device function as written.</summary>
internal sealed class PtxFunction(string name, bool isEntry)
{
    public string Name { get; } = name;

    public bool IsEntry { get; } = isEntry;

    public List<VariableSymbol> Parameters { get; } = [];

    public List<VariableSymbol> Results { get; } = [];

    public List<PtxInstruction> Instructions { get; } = [];

    /// <summary>Bytes of a lane's local memory, arguments included.</summary>
    public long LocalBytes { get; set; }

    /// <summary>Bytes that a launch passes.</summary>
    public int ParameterBytes { get; set; }

    public int[]? MaxThreads { get; set; }

    public int[]? RequiredThreads { get; set; }

    public bool HasBody { get; set; }
}
