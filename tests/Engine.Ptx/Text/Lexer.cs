using System.Globalization;

namespace Engine.Ptx.Text;

/// <summary>Characters to tokens.</summary>
internal sealed class Lexer(string module, string text)
{
    private int _at;
    private int _line = 1;

    public List<Token> All()
    {
        var tokens = new List<Token>();
        do tokens.Add(Next());
        while (tokens[^1].Kind != TokenKind.End);
        return tokens;
    }

    private char Peek(int ahead = 0) => _at + ahead < text.Length ? text[_at + ahead] : '\0';

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$';

    private PtxSyntaxException Error(string message) => new(module, _line, message);

    private void SkipBlanks()
    {
        while (_at < text.Length)
        {
            char c = text[_at];
            if (c == '\n') _line++;
            if (char.IsWhiteSpace(c)) _at++;
            else if (c == '/' && Peek(1) == '/') SkipTo('\n');
            else if (c == '/' && Peek(1) == '*') SkipComment();
            else return;
        }
    }

    private void SkipTo(char end)
    {
        while (_at < text.Length && text[_at] != end) _at++;
    }

    private void SkipComment()
    {
        int end = text.IndexOf("*/", _at + 2, StringComparison.Ordinal);
        if (end < 0) throw Error("a comment without an end");
        for (; _at < end + 2; _at++)
            if (text[_at] == '\n') _line++;
    }

    private Token Next()
    {
        SkipBlanks();
        int start = _at;
        if (_at >= text.Length) return new Token(TokenKind.End, "", 0, _line, start);
        char c = text[_at];
        if (char.IsAsciiDigit(c)) return Number();
        if (c == '"') return Quoted();
        if (c == '.' && (char.IsAsciiLetter(Peek(1)) || Peek(1) == '_'))
        {
            _at++;
            int name = _at;
            while (IsWord(Peek())) _at++;
            return new Token(TokenKind.Directive, text[name.._at], 0, _line, start);
        }
        if (IsWord(c) || c == '%')
        {
            _at++;
            while (IsWord(Peek()) || (Peek() == '.' && IsWord(Peek(1))) || SkipDoubleColon()) _at++;
            return new Token(TokenKind.Word, text[start.._at], 0, _line, start);
        }
        _at++;
        return new Token(TokenKind.Punctuation, c.ToString(), 0, _line, start);
    }

    /// <summary>The first colon of <c>L2::128B</c> inside a word; the caller skips the second.</summary>
    private bool SkipDoubleColon()
    {
        if (Peek() != ':' || Peek(1) != ':' || !IsWord(Peek(2))) return false;
        _at++;
        return true;
    }

    private Token Quoted()
    {
        int start = _at++;
        SkipTo('"');
        if (_at >= text.Length) throw Error("a string without an end");
        _at++;
        return new Token(TokenKind.String, text[(start + 1)..(_at - 1)], 0, _line, start);
    }

    private Token Number()
    {
        int start = _at;
        while (IsWord(Peek()) || (Peek() == '.' && char.IsAsciiDigit(Peek(1))) || (Peek() is '+' or '-' && text[_at - 1] is 'e' or 'E' && IsDecimal(start))) _at++;
        string number = text[start.._at];
        if (number.Length > 2 && number[0] == '0' && number[1] is 'f' or 'F' && number.Length == 10 && Hex(number[2..], out ulong single))
            return new Token(TokenKind.Float32, number, single, _line, start);
        if (number.Length == 18 && number[0] == '0' && number[1] is 'd' or 'D' && Hex(number[2..], out ulong twice))
            return new Token(TokenKind.Float64, number, twice, _line, start);
        string digits = number.TrimEnd('U');
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && Hex(digits[2..], out ulong value)) return Integer(value);
        if (digits.StartsWith("0b", StringComparison.OrdinalIgnoreCase) && ulong.TryParse(digits.AsSpan(2), NumberStyles.BinaryNumber, CultureInfo.InvariantCulture, out value)) return Integer(value);
        if (digits.Length > 1 && digits[0] == '0' && Octal(digits, out value)) return Integer(value);
        if (ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value)) return Integer(value);
        if (double.TryParse(number, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double real))
            return new Token(TokenKind.Float64, number, BitConverter.DoubleToUInt64Bits(real), _line, start);
        throw Error($"'{number}' is no number");

        Token Integer(ulong bits) => new(TokenKind.Integer, number, bits, _line, start);
    }

    private bool IsDecimal(int start)
    {
        for (int i = start; i < _at - 1; i++)
            if (!char.IsAsciiDigit(text[i]) && text[i] != '.') return false;
        return true;
    }

    private static bool Hex(string digits, out ulong value) =>
        ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);

    private static bool Octal(string digits, out ulong value)
    {
        value = 0;
        foreach (char c in digits)
        {
            if (c is < '0' or > '7' || value >> 61 != 0) return false;
            value = (value << 3) | (uint)(c - '0');
        }
        return true;
    }
}
