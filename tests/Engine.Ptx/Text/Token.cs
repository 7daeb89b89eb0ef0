namespace Engine.Ptx.Text;

internal enum TokenKind
{
    /// <summary>Opcode with its modifiers, register, label or name.</summary>
    Word,

    /// <summary>A word after a dot, such as <c>.reg</c>.</summary>
    Directive,
    Integer,
    Float32,
    Float64,
    String,
    Punctuation,
    End,
}

/// <param name="Kind">What it is.</param>
/// <param name="Text">Its characters; a directive's without the dot.</param>
/// <param name="Bits">A number's value.</param>
/// <param name="Line">From 1.</param>
/// <param name="Start">Of its first character.</param>
internal readonly record struct Token(TokenKind Kind, string Text, ulong Bits, int Line, int Start)
{
    public bool Is(char c) => Kind == TokenKind.Punctuation && Text.Length == 1 && Text[0] == c;

    public bool IsDirective(string name) => Kind == TokenKind.Directive && Text == name;
}
