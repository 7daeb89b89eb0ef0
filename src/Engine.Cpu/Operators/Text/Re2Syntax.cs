using System.Text;

namespace Engine.Cpu;

/// <summary>RE2's syntax in the runtime's: named groups, character classes of ASCII, quoted text.</summary>
internal static class Re2Syntax
{
    /// <summary>The pattern in the runtime's syntax.</summary>
    public static string Translate(string pattern)
    {
        var r = new StringBuilder(pattern.Length + 16);
        bool inClass = false;
        for (int i = 0; i < pattern.Length; i++)
        {
            char ch = pattern[i];
            if (ch == '\\' && i + 1 < pattern.Length)
            {
                char e = pattern[++i];
                if (e == 'Q')
                {
                    int end = pattern.IndexOf("\\E", i + 1, StringComparison.Ordinal);
                    if (end < 0) end = pattern.Length;
                    foreach (char literal in pattern.AsSpan(i + 1, end - i - 1)) AppendLiteral(r, literal);
                    i = Math.Min(end + 1, pattern.Length);
                }
                else r.Append(Escape(e, inClass));
            }
            else if (inClass)
            {
                if (ch == '[' && Posix(pattern, i) is { Length: > 0 } name)
                {
                    r.Append(PosixClass(name));
                    i += name.Length + 3;
                    continue;
                }
                // The runtime reads "-[" as the subtraction of a class.
                if (ch == '[') r.Append('\\');
                r.Append(ch);
                inClass = ch != ']';
            }
            else if (ch == '[')
            {
                inClass = true;
                r.Append(ch);
                if (i + 1 < pattern.Length && pattern[i + 1] == '^') r.Append(pattern[++i]);
                // A bracket that comes first is a literal.
                if (i + 1 < pattern.Length && pattern[i + 1] == ']')
                {
                    r.Append("\\]");
                    i++;
                }
            }
            else if (ch == '(' && string.CompareOrdinal(pattern, i, "(?P<", 0, 4) == 0)
            {
                r.Append("(?<");
                i += 3;
            }
            else r.Append(ch);
        }
        return r.ToString();
    }

    private static string Escape(char e, bool inClass) => (e, inClass) switch
    {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('D', false) => "[^0-9]",
        ('s', false) => "[\\t\\n\\f\\r ]",
        ('s', true) => "\\t\\n\\f\\r ",
        ('S', false) => "[^\\t\\n\\f\\r ]",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('W', false) => "[^0-9A-Za-z_]",
        ('a', _) => "\\x07",
        ('v', _) => "\\x0B",
        _ => "\\" + e,
    };

    private static void AppendLiteral(StringBuilder r, char literal)
    {
        if (char.IsAscii(literal) && !char.IsLetterOrDigit(literal) && literal > ' ') r.Append('\\');
        r.Append(literal);
    }

    // The name of [:name:] at a position, or nothing.
    private static string Posix(string pattern, int at)
    {
        if (string.CompareOrdinal(pattern, at, "[:", 0, 2) != 0) return "";
        int end = pattern.IndexOf(":]", at + 2, StringComparison.Ordinal);
        if (end < 0) return "";
        string name = pattern[(at + 2)..end];
        return PosixClass(name).Length > 0 ? name : "";
    }

    private static string PosixClass(string name) => name switch
    {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => "\\x00-\\x7F",
        "blank" => "\\t ",
        "cntrl" => "\\x00-\\x1F\\x7F",
        "digit" => "0-9",
        "graph" => "!-~",
        "lower" => "a-z",
        "print" => " -~",
        "punct" => "!-/:-@\\[-`{-~",
        "space" => "\\t\\n\\v\\f\\r ",
        "upper" => "A-Z",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        _ => "",
    };
}
