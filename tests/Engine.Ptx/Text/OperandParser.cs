namespace Engine.Ptx.Text;

/// <summary>Operands of instructions.</summary>
internal sealed class OperandParser(Cursor cursor, Dictionary<string, PtxFunction> functions)
{
    private const int MaxItems = 64;

    public Operand Parse(Scope scope)
    {
        Operand operand = Single(scope);
        return cursor.Skip('|') ? new PairOperand(operand, Single(scope)) : operand;
    }

    private Operand Single(Scope scope)
    {
        if (cursor.Skip('{')) return Items(scope, '}');
        if (cursor.Skip('(')) return Items(scope, ')');
        if (cursor.Skip('[')) return Address(scope);
        if (cursor.Skip('!'))
        {
            return Name(scope) is RegisterOperand { Register.Type: PtxType.Pred } register
                ? register with { Negated = true }
                : throw cursor.Error("'!' belongs before a predicate");
        }
        if (cursor.Now.Is('-') || cursor.Now.Kind is TokenKind.Integer or TokenKind.Float32 or TokenKind.Float64) return Immediate();
        Operand named = Name(scope);
        if (named is VariableOperand variable && (cursor.Now.Is('+') || cursor.Now.Is('-'))) return variable with { Offset = Offset() };
        return named;
    }

    private ListOperand Items(Scope scope, char end)
    {
        var items = new List<Operand>();
        if (cursor.Skip(end)) return new ListOperand(items);
        do
        {
            if (items.Count == MaxItems) throw cursor.Error($"over {MaxItems} operands in a list");
            if (cursor.Now.Is('{') || cursor.Now.Is('(')) throw cursor.Error("a list in a list");
            items.Add(Single(scope));
        }
        while (cursor.Skip(','));
        cursor.Expect(end);
        return new ListOperand(items);
    }

    private AddressOperand Address(Scope scope)
    {
        Operand? start = null;
        long offset = 0;
        if (cursor.Now.Kind == TokenKind.Integer) offset = (long)cursor.Take().Bits;
        else start = Name(scope);
        if (cursor.Now.Is('+') || cursor.Now.Is('-')) offset += Offset();
        cursor.Expect(']');
        if (start is VariableOperand variable) return new AddressOperand(variable with { Offset = 0 }, offset + variable.Offset);
        return start is null or RegisterOperand ? new AddressOperand(start, offset) : throw cursor.Error("an address needs a register or a variable");
    }

    /// <summary><c>+8</c>, <c>-8</c> or <c>+-8</c>.</summary>
    private long Offset()
    {
        bool negative = cursor.Take().Is('-');
        if (cursor.Skip('-')) negative = !negative;
        if (cursor.Now.Kind != TokenKind.Integer) throw cursor.Error("expected an offset in bytes");
        long bytes = (long)cursor.Take().Bits;
        return negative ? -bytes : bytes;
    }

    private ImmediateOperand Immediate()
    {
        bool negative = cursor.Skip('-');
        Token token = cursor.Take();
        return token.Kind switch
        {
            TokenKind.Integer => new ImmediateOperand(negative ? 0 - token.Bits : token.Bits, ImmediateKind.Integer),
            TokenKind.Float32 => new ImmediateOperand(negative ? token.Bits ^ 0x8000_0000 : token.Bits, ImmediateKind.Float32),
            TokenKind.Float64 => new ImmediateOperand(negative ? token.Bits ^ (1UL << 63) : token.Bits, ImmediateKind.Float64),
            _ => throw cursor.Error($"expected a number after '-', not '{token.Text}'"),
        };
    }

    private Operand Name(Scope scope)
    {
        int line = cursor.Now.Line;
        string name = cursor.Word();
        if (name == "_") return new SinkOperand();
        if (scope.Register(name) is { } register) return new RegisterOperand(register);
        if (name[0] == '%') return Special(name);
        if (scope.Variable(name) is { } variable) return new VariableOperand(variable);
        if (name == "WARP_SZ") return new ImmediateOperand(32, ImmediateKind.Integer);
        if (functions.ContainsKey(name)) return new FunctionOperand(name);
        return new LabelOperand(scope.Label(name, line));
    }

    private SpecialOperand Special(string name) =>
        SpecialRegisters.Exists(name) ? new SpecialOperand(name) : throw cursor.Error($"no register '{name}'");
}
