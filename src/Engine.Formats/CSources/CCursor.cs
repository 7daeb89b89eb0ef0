using System.Text;
using Engine.Tensors;

namespace Engine.Formats.CSources;

/// <summary>Names, numbers and punctuation of a C source, without its comments and preprocessor lines.</summary>
internal ref struct CCursor(ReadOnlySpan<byte> text, string? file)
{
    private const int MaxName = 64, MaxDigits = 9;

    private readonly ReadOnlySpan<byte> _text = text;
    private int _at;

    /// <summary>True when only blanks and comments are left.</summary>
    public bool AtEnd
    {
        get
        {
            SkipBlanks();
            return _at == _text.Length;
        }
    }

    /// <summary>True when a name comes next.</summary>
    public bool AtName
    {
        get
        {
            SkipBlanks();
            return _at < _text.Length && IsLetter(_text[_at]);
        }
    }

    /// <summary>The error of what stands here.</summary>
    public readonly InvalidModelException Fail(string message) => new(message, file, _at);

    public string Name(string what)
    {
        if (!AtName) throw Fail($"expected {what}");
        int from = _at;
        while (_at < _text.Length && (IsLetter(_text[_at]) || IsDigit(_text[_at]))) _at++;
        return _at - from <= MaxName ? Encoding.ASCII.GetString(_text[from.._at]) : throw Fail($"{what} is longer than {MaxName} characters");
    }

    public int Number(string what)
    {
        bool negative = Try('-');
        int from = _at, value = 0;
        while (_at < _text.Length && IsDigit(_text[_at]))
        {
            if (_at - from == MaxDigits) throw Fail($"{what} has more than {MaxDigits} digits");
            value = 10 * value + (_text[_at++] - '0');
        }
        return _at == from ? throw Fail($"expected {what}") : negative ? -value : value;
    }

    public bool Try(char c)
    {
        SkipBlanks();
        if (_at == _text.Length || _text[_at] != c) return false;
        _at++;
        return true;
    }

    public void Expect(char c, string what)
    {
        if (!Try(c)) throw Fail($"expected '{c}' {what}");
    }

    private void SkipBlanks()
    {
        while (_at < _text.Length)
        {
            var rest = _text[_at..];
            if (rest[0] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') _at++;
            else if (rest[0] == '#' || rest.StartsWith("//"u8)) _at += rest.IndexOf((byte)'\n') is >= 0 and var end ? end + 1 : rest.Length;
            else if (rest.StartsWith("/*"u8)) _at += rest[2..].IndexOf("*/"u8) is >= 0 and var end ? end + 4 : throw Fail("a comment does not end");
            else return;
        }
    }

    private static bool IsLetter(byte c) => (byte)(c | 0x20) is >= (byte)'a' and <= (byte)'z' || c == '_';

    private static bool IsDigit(byte c) => c is >= (byte)'0' and <= (byte)'9';
}
