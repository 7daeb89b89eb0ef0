namespace Engine.Ptx.Text;

/// <summary>What stands between the braces of a function.</summary>
internal sealed class BodyParser(Cursor cursor, PtxFunction function, Scope globals, Dictionary<string, PtxFunction> functions)
{
    private const int MaxDepth = 64;
    private const int MaxInstructions = 1 << 20;
    private readonly OperandParser _operands = new(cursor, functions);
    private Scope _scope = new(globals);
    private int _depth;

    public void Parse()
    {
        foreach (VariableSymbol variable in function.Parameters.Concat(function.Results))
            if (!_scope.Declare(variable)) throw cursor.Error($"parameter '{variable.Name}' exists twice");
        cursor.Expect('{');
        while (true)
        {
            if (cursor.Skip(';')) continue;
            if (cursor.Skip('{')) Open();
            else if (cursor.Skip('}'))
            {
                if (!Close()) return;
            }
            else if (cursor.Now.Kind == TokenKind.Directive) Directive();
            else if (cursor.Now.Kind == TokenKind.Word && cursor.Ahead.Is(':')) Label();
            else Instruction();
        }
    }

    private void Open()
    {
        if (++_depth > MaxDepth) throw cursor.Error("braces nested too deeply");
        _scope = new Scope(_scope);
    }

    /// <returns>Whether more of the function follows.</returns>
    private bool Close()
    {
        foreach (LabelSymbol open in _scope.Open)
        {
            LabelSymbol? outer = _depth == 0 ? null : _scope.Parent!.Label(open.Name, open.Line);
            if (outer == null) throw new PtxSyntaxException(cursor.Module, open.Line, $"label '{open.Name}' is nowhere");
            _links.Add((open, outer));
        }
        _scope = _scope.Parent!;
        if (_depth-- > 0) return true;
        for (int i = _links.Count - 1; i >= 0; i--) _links[i].From.Position = _links[i].To.Position;
        return false;
    }

    /// <summary>Labels that an inner scope mentions, with those of the scope around it.</summary>
    private readonly List<(LabelSymbol From, LabelSymbol To)> _links = [];

    private void Label()
    {
        Token name = cursor.Take();
        cursor.Expect(':');
        LabelSymbol label = _scope.OwnLabel(name.Text, name.Line);
        if (label.Position >= 0 || label.Targets != null) throw cursor.Error($"label '{name.Text}' exists twice");
        if (cursor.SkipDirective("branchtargets"))
        {
            label.Targets = [];
            do label.Targets.Add(_scope.Label(cursor.Word(), name.Line));
            while (cursor.Skip(','));
            cursor.Expect(';');
            return;
        }
        label.Position = function.Instructions.Count;
    }

    private void Directive()
    {
        string word = cursor.Take().Text;
        switch (word)
        {
            case "reg": Registers(); break;
            case "shared": Variables(PtxSpace.Shared); break;
            case "local": Variables(PtxSpace.Local); break;
            case "param": Variables(PtxSpace.Argument); break;
            case "loc" or "file" or "pragma": cursor.SkipLine(); break;
            default: throw cursor.Error($"'.{word}' cannot stand in a function");
        }
    }

    private void Registers()
    {
        if (cursor.Now.Kind != TokenKind.Directive) throw cursor.Error("expected a type");
        string word = cursor.Take().Text;
        PtxType type = PtxTypes.Parse(word);
        if (type is PtxType.None or PtxType.B1 or PtxType.S4 or PtxType.U4 or PtxType.B128 || (type.IsFloat() && type == PtxType.TF32))
            throw cursor.Error($"registers of type '.{word}' do not exist here");
        do
        {
            string name = cursor.Word();
            bool added;
            if (cursor.Skip('<'))
            {
                added = _scope.DeclareRange(name, type, (ulong)cursor.Integer(0, 1 << 20));
                cursor.Expect('>');
            }
            else
            {
                added = _scope.Declare(name, type);
            }
            if (!added) throw cursor.Error($"register '{name}' exists twice");
        }
        while (cursor.Skip(','));
        cursor.Expect(';');
    }

    private void Variables(PtxSpace space)
    {
        do
        {
            VariableSymbol variable = VariableParser.Parse(cursor, space);
            if (!_scope.Declare(variable)) throw cursor.Error($"variable '{variable.Name}' exists twice");
            if (space == PtxSpace.Shared) continue;
            long at = (function.LocalBytes + variable.Align - 1) / variable.Align * variable.Align;
            variable.Offset = at;
            function.LocalBytes = at + variable.Bytes;
            if (function.LocalBytes > 512 << 10) throw cursor.Error($"'{function.Name}' has over 512 KiB of local memory");
        }
        while (cursor.Skip(','));
        cursor.Expect(';');
    }

    private void Instruction()
    {
        Token first = cursor.Now;
        RegisterOperand? guard = null;
        if (cursor.Skip('@'))
        {
            bool negated = cursor.Skip('!');
            string name = cursor.Word();
            RegisterSymbol? register = _scope.Register(name);
            if (register?.Type != PtxType.Pred) throw cursor.Error($"'{name}' is no predicate");
            guard = new RegisterOperand(register, negated);
        }
        string[] words = OpcodeWords();
        var operands = new List<Operand>();
        if (!cursor.Now.Is(';'))
        {
            do operands.Add(_operands.Parse(_scope));
            while (cursor.Skip(','));
        }
        if (!cursor.Now.Is(';')) throw cursor.Error("expected ';'");
        string text = cursor.TextSince(first);
        cursor.Take();
        if (function.Instructions.Count >= MaxInstructions) throw cursor.Error($"over {MaxInstructions} instructions");
        function.Instructions.Add(new PtxInstruction(first.Line, text, words[0], words[1..], [.. operands], guard));
    }

    /// <summary>The opcode and its modifiers; words with <c>::</c> stay one.</summary>
    private string[] OpcodeWords()
    {
        string word = cursor.Word();
        if (!char.IsAsciiLetter(word[0])) throw cursor.Error($"'{word}' is no instruction");
        return word.Split('.');
    }
}
