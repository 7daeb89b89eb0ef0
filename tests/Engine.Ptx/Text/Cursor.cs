namespace Engine.Ptx.Text;

/// <summary>A place in a list of tokens.</summary>
internal sealed class Cursor(string module, string text, List<Token> tokens)
{
    private int _at;

    public string Module { get; } = module;

    public Token Now => tokens[_at];

    public Token Ahead => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public Token Take()
    {
        Token token = tokens[_at];
        if (token.Kind != TokenKind.End) _at++;
        return token;
    }

    public bool Skip(char c)
    {
        if (!Now.Is(c)) return false;
        _at++;
        return true;
    }

    public bool SkipDirective(string name)
    {
        if (!Now.IsDirective(name)) return false;
        _at++;
        return true;
    }

    public void Expect(char c)
    {
        if (!Skip(c)) throw Error($"expected '{c}'");
    }

    public string Word()
    {
        if (Now.Kind != TokenKind.Word) throw Error("expected a name");
        return Take().Text;
    }

    /// <summary>An integer in <paramref name="minimum"/> … <paramref name="maximum"/>.</summary>
    public int Integer(int minimum, int maximum)
    {
        if (Now.Kind != TokenKind.Integer || Now.Bits > (ulong)maximum || Now.Bits < (ulong)minimum)
            throw Error($"expected an integer from {minimum} to {maximum}");
        return (int)Take().Bits;
    }

    public void SkipLine()
    {
        int line = Now.Line;
        while (Now.Kind != TokenKind.End && Now.Line == line) _at++;
    }

    /// <summary>The text from <paramref name="from"/> to before the token that comes now, blanks made single.</summary>
    public string TextSince(Token from) =>
        string.Join(' ', text[from.Start..Now.Start].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    public PtxSyntaxException Error(string message) =>
        new(Module, Now.Line, Now.Kind == TokenKind.End ? $"{message}; the text ends here" : $"{message}; found '{Now.Text}'");
}
