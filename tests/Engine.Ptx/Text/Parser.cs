namespace Engine.Ptx.Text;

/// <summary>A module's text to its functions and variables.</summary>
internal sealed class Parser
{
    private readonly Cursor _cursor;
    private readonly Scope _globals = new(null);

    public Parser(string module, string text) => _cursor = new Cursor(module, text, new Lexer(module, text).All());

    public string Version { get; private set; } = "";

    public string Target { get; private set; } = "";

    public Dictionary<string, PtxFunction> Functions { get; } = [];

    public List<VariableSymbol> Variables { get; } = [];

    public void Parse()
    {
        if (!_cursor.SkipDirective("version")) throw _cursor.Error("expected '.version'");
        Version = _cursor.Take().Text;
        while (_cursor.Now.Kind != TokenKind.End)
        {
            if (_cursor.Skip(';')) continue;
            if (_cursor.Now.Kind != TokenKind.Directive) throw _cursor.Error("expected a declaration");
            Declaration();
        }
    }

    private void Declaration()
    {
        Token word = _cursor.Take();
        switch (word.Text)
        {
            case "target":
                Target = _cursor.Word();
                while (_cursor.Skip(',')) _cursor.Take();
                break;
            case "address_size":
                if (_cursor.Integer(32, 64) != 64) throw _cursor.Error("addresses of 64 bits only");
                break;
            case "file" or "loc" or "pragma": _cursor.SkipLine(); break;
            case "section": Section(); break;
            case "visible" or "extern" or "weak" or "common": break;
            case "entry": Function(isEntry: true); break;
            case "func": Function(isEntry: false); break;
            case "shared": Variable(PtxSpace.Shared); break;
            case "global": Variable(PtxSpace.Global); break;
            case "const": Variable(PtxSpace.Constant); break;
            default: throw _cursor.Error($"'.{word.Text}' does not begin a declaration");
        }
    }

    private void Section()
    {
        while (_cursor.Now.Kind is not TokenKind.End && !_cursor.Now.Is('{')) _cursor.Take();
        while (_cursor.Now.Kind is not TokenKind.End && !_cursor.Now.Is('}')) _cursor.Take();
        _cursor.Expect('}');
    }

    private void Variable(PtxSpace space)
    {
        do
        {
            VariableSymbol variable = VariableParser.Parse(_cursor, space);
            if (!_globals.Declare(variable)) throw _cursor.Error($"variable '{variable.Name}' exists twice");
            if (space != PtxSpace.Shared) Variables.Add(variable);
        }
        while (_cursor.Skip(','));
        _cursor.Expect(';');
    }

    private void Function(bool isEntry)
    {
        var results = new List<VariableSymbol>();
        if (_cursor.Now.Is('(')) results = ParameterList(PtxSpace.Argument);
        var function = new PtxFunction(_cursor.Word(), isEntry);
        function.Results.AddRange(results);
        if (_cursor.Now.Is('(')) function.Parameters.AddRange(ParameterList(isEntry ? PtxSpace.Parameter : PtxSpace.Argument));
        Place(function);
        while (_cursor.Now.Kind == TokenKind.Directive) Limit(function);
        if (Functions.TryGetValue(function.Name, out PtxFunction? known) && known.HasBody)
        {
            if (!_cursor.Now.Is(';')) throw _cursor.Error($"function '{function.Name}' exists twice");
        }
        else
        {
            Functions[function.Name] = function;
        }
        if (_cursor.Skip(';')) return;
        function.HasBody = true;
        new BodyParser(_cursor, function, _globals, Functions).Parse();
    }

    private List<VariableSymbol> ParameterList(PtxSpace space)
    {
        var parameters = new List<VariableSymbol>();
        _cursor.Expect('(');
        if (_cursor.Skip(')')) return parameters;
        do
        {
            if (!_cursor.SkipDirective("param")) throw _cursor.Error("expected '.param'");
            parameters.Add(VariableParser.Parse(_cursor, space));
        }
        while (_cursor.Skip(','));
        _cursor.Expect(')');
        return parameters;
    }

    /// <summary>Gives every parameter its offset: a kernel's in the launch's parameter block, a function's in the lane's frame.</summary>
    private void Place(PtxFunction function)
    {
        long at = 0;
        foreach (VariableSymbol variable in function.Parameters.Concat(function.Results))
        {
            at = (at + variable.Align - 1) / variable.Align * variable.Align;
            variable.Offset = at;
            at += variable.Bytes;
        }
        if (at > 32_764) throw _cursor.Error($"'{function.Name}' has {at} bytes of parameters, over 32764");
        if (function.IsEntry) function.ParameterBytes = (int)at;
        else function.LocalBytes = at;
    }

    private void Limit(PtxFunction function)
    {
        string word = _cursor.Take().Text;
        switch (word)
        {
            case "maxntid": function.MaxThreads = Sizes(); break;
            case "reqntid": function.RequiredThreads = Sizes(); break;
            case "minnctapersm" or "maxnreg" or "maxnctapersm" or "maxclusterrank": _cursor.Integer(0, int.MaxValue); break;
            case "reqnctapercluster": Sizes(); break;
            case "noreturn" or "explicitcluster": break;
            case "pragma": _cursor.SkipLine(); break;
            default: throw _cursor.Error($"'.{word}' is no property of a function");
        }
    }

    private int[] Sizes()
    {
        int[] sizes = [1, 1, 1];
        int axis = 0;
        do
        {
            if (axis == 3) throw _cursor.Error("more than three sizes");
            sizes[axis++] = _cursor.Integer(1, int.MaxValue);
        }
        while (_cursor.Skip(','));
        return sizes;
    }
}
