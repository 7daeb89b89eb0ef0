using System.Globalization;
using Engine.Tensors;

namespace Engine.Formats.Data;

/// <summary>What the dict literal of an .npy header says.</summary>
internal sealed class NpyHeader
{
    public DType DType { get; private init; }

    public bool BigEndian { get; private init; }

    public bool FortranOrder { get; private init; }

    public required long[] Dims { get; init; }

    public long Elements { get; private init; }

    /// <summary>Bytes a character for strings (1 for S, 4 for U), null for numbers.</summary>
    public int? Text { get; private init; }

    /// <summary>Characters a string.</summary>
    public long Length { get; private init; }

    public static NpyHeader Parse(string text, string? file, long offset)
    {
        var literal = new Literal(text, file, offset);
        string? descr = null;
        bool? fortran = null;
        long[]? dims = null;
        literal.Expect('{');
        while (!literal.Accept('}'))
        {
            string key = literal.String();
            literal.Expect(':');
            switch (key)
            {
                case "descr" when descr is null: descr = literal.String("records and objects are not supported"); break;
                case "fortran_order" when fortran is null: fortran = literal.Boolean(); break;
                case "shape" when dims is null: dims = literal.Tuple(); break;
                default: throw literal.Fail($"unexpected key '{key}'");
            }
            if (!literal.Accept(','))
            {
                literal.Expect('}');
                break;
            }
        }
        literal.End();
        if (descr is null || fortran is null || dims is null) throw literal.Fail("the header lacks one of descr, fortran_order, shape");
        long elements;
        try
        {
            elements = new Shape(dims).Elements;
        }
        catch (SizeOverflowException e)
        {
            throw new DataFormatException(e.Message, file, offset, e);
        }
        bool big = descr.StartsWith('>');
        string kind = descr.TrimStart('<', '>', '=', '|');
        if (kind.StartsWith('O')) throw literal.Fail("pickled objects are not read");
        if (descr.Length - kind.Length > 1 || kind.Length < 2) throw literal.Fail($"unknown element type '{descr}'");
        if (kind[0] is 'S' or 'a' or 'U')
        {
            if (!long.TryParse(kind.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out long length) || length > int.MaxValue) throw literal.Fail($"unknown element type '{descr}'");
            return new() { DType = DType.String, BigEndian = big, FortranOrder = fortran.Value, Dims = dims, Elements = elements, Text = kind[0] == 'U' ? 4 : 1, Length = length };
        }
        var dtype = kind switch
        {
            "b1" => DType.Bool,
            "i1" => DType.I8,
            "i2" => DType.I16,
            "i4" => DType.I32,
            "i8" => DType.I64,
            "u1" => DType.U8,
            "u2" => DType.U16,
            "u4" => DType.U32,
            "u8" => DType.U64,
            "f2" => DType.F16,
            "f4" => DType.F32,
            "f8" => DType.F64,
            "c8" => DType.C64,
            "c16" => DType.C128,
            _ => throw literal.Fail($"unknown element type '{descr}'"),
        };
        return new() { DType = dtype, BigEndian = big, FortranOrder = fortran.Value, Dims = dims, Elements = elements };
    }

    /// <summary>The part of Python's literal syntax that NumPy writes: strings without escapes, True, False, tuples of integers.</summary>
    private sealed class Literal(string text, string? file, long offset)
    {
        private int _at;

        public DataFormatException Fail(string message) => new($".npy header: {message}", file, offset + _at);

        public bool Accept(char c)
        {
            Space();
            if (_at >= text.Length || text[_at] != c) return false;
            _at++;
            return true;
        }

        public void Expect(char c)
        {
            if (!Accept(c)) throw Fail($"expected '{c}'");
        }

        public string String(string otherwise = "expected a string")
        {
            Space();
            if (_at >= text.Length || text[_at] is not ('\'' or '"')) throw Fail(otherwise);
            int end = text.IndexOf(text[_at], _at + 1);
            if (end < 0) throw Fail("a string does not end");
            string s = text[(_at + 1)..end];
            _at = end + 1;
            return s;
        }

        public bool Boolean()
        {
            Space();
            foreach (bool b in (ReadOnlySpan<bool>)[true, false])
            {
                string word = b ? "True" : "False";
                if (string.CompareOrdinal(text, _at, word, 0, word.Length) != 0) continue;
                _at += word.Length;
                return b;
            }
            throw Fail("expected True or False");
        }

        public long[] Tuple()
        {
            var dims = new List<long>();
            Expect('(');
            while (!Accept(')'))
            {
                int start = _at;
                while (_at < text.Length && char.IsAsciiDigit(text[_at])) _at++;
                if (!long.TryParse(text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out long d)) throw Fail("expected a dimension");
                dims.Add(d);
                if (dims.Count > Shape.MaxRank) throw Fail($"more than {Shape.MaxRank} dimensions");
                // Version 1 headers written by Python 2 mark long integers with L.
                Accept('L');
                if (Accept(',')) continue;
                Expect(')');
                break;
            }
            return [.. dims];
        }

        public void End()
        {
            Space();
            if (_at != text.Length) throw Fail("text follows the dict");
        }

        private void Space()
        {
            while (_at < text.Length && text[_at] is ' ' or '\n' or '\t' or '\r') _at++;
        }
    }
}
