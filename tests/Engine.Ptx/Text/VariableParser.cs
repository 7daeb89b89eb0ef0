using System.Buffers.Binary;

namespace Engine.Ptx.Text;

/// <summary>Declarations of variables: <c>.align 16 .b8 name[4096] = {…}</c>.</summary>
internal static class VariableParser
{
    /// <summary>The most bytes that one variable may have.</summary>
    public const long MaxBytes = 1L << 31;

    /// <summary>One variable; the space's word is already taken.</summary>
    public static VariableSymbol Parse(Cursor cursor, PtxSpace space)
    {
        int align = 0, vector = 1;
        PtxType type = PtxType.None;
        while (cursor.Now.Kind == TokenKind.Directive)
        {
            string word = cursor.Take().Text;
            switch (word)
            {
                case "align":
                    align = cursor.Integer(1, 4096);
                    if ((align & (align - 1)) != 0) throw cursor.Error($"an alignment of {align} bytes is no power of two");
                    break;
                case "v2": vector = 2; break;
                case "v4": vector = 4; break;
                case "ptr" or "global" or "shared" or "const" or "local": break;
                default:
                    type = PtxTypes.Parse(word);
                    if (type is PtxType.None or PtxType.Pred) throw cursor.Error($"'.{word}' is no type of a variable");
                    break;
            }
        }
        if (type == PtxType.None) throw cursor.Error("a variable without a type");
        int element = type.Bytes() * vector;
        string name = cursor.Word();
        long bytes = element;
        bool open = false;
        while (cursor.Skip('['))
        {
            if (cursor.Skip(']'))
            {
                open = true;
                continue;
            }
            bytes *= cursor.Integer(0, int.MaxValue);
            if (bytes > MaxBytes) throw cursor.Error($"variable '{name}' has over {MaxBytes} bytes");
            cursor.Expect(']');
        }
        byte[] initial = cursor.Skip('=') ? Initial(cursor, type, open ? MaxBytes : bytes) : [];
        if (open) bytes = initial.Length;
        return new VariableSymbol(name, space, Math.Max(align, Math.Min(element, 16)), bytes) { Initial = initial };
    }

    private static byte[] Initial(Cursor cursor, PtxType type, long room)
    {
        var bytes = new List<byte>();
        Values(cursor, type, bytes, 0);
        if (bytes.Count > room) throw cursor.Error($"{bytes.Count} bytes of values for {room}");
        return [.. bytes];
    }

    private static void Values(Cursor cursor, PtxType type, List<byte> bytes, int depth)
    {
        if (depth > 8) throw cursor.Error("values nested too deeply");
        if (cursor.Skip('{'))
        {
            if (cursor.Skip('}')) return;
            do Values(cursor, type, bytes, depth + 1);
            while (cursor.Skip(','));
            cursor.Expect('}');
            return;
        }
        bool negative = cursor.Skip('-');
        Token token = cursor.Take();
        ulong bits = token.Kind switch
        {
            TokenKind.Integer when !type.IsFloat() => negative ? 0 - token.Bits : token.Bits,
            TokenKind.Float32 when type == PtxType.F32 => negative ? token.Bits ^ 0x8000_0000 : token.Bits,
            TokenKind.Float64 when type == PtxType.F64 => negative ? token.Bits ^ (1UL << 63) : token.Bits,
            TokenKind.Integer when type is PtxType.F16 or PtxType.BF16 => token.Bits,
            _ => throw cursor.Error($"'{token.Text}' cannot be a value of a variable of type {type}"),
        };
        Span<byte> eight = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(eight, bits);
        bytes.AddRange(eight[..type.Bytes()]);
    }
}
