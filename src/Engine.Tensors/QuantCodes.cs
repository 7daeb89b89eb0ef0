using System.Buffers.Binary;

namespace Engine.Tensors;

/// <summary>Integer codes of 4 to 32 bits in their storage.</summary>
public static class QuantCodes
{
    /// <summary>Smallest and largest code of a quantized element type; throws for other types.</summary>
    public static (int Min, int Max) Range(DType t) => t switch
    {
        DType.U8 => (0, 255),
        DType.I8 => (-128, 127),
        DType.U16 => (0, 65535),
        DType.I16 => (-32768, 32767),
        DType.U4 => (0, 15),
        DType.I4 => (-8, 7),
        _ => throw new UnsupportedException($"{t.Display()} is not a quantized element type"),
    };

    /// <summary>True for the integer types that codes come in, i32 included.</summary>
    public static bool IsCode(DType t) => t is DType.U8 or DType.I8 or DType.U16 or DType.I16 or DType.U4 or DType.I4 or DType.I32;

    /// <summary>Code <paramref name="i"/>; 0 where there is none, as for a zero point left out.</summary>
    public static int Read(DType t, ReadOnlySpan<byte> bytes, long i) => bytes.IsEmpty ? 0 : t switch
    {
        DType.U8 => bytes[(int)i],
        DType.I8 => (sbyte)bytes[(int)i],
        DType.U16 => BinaryPrimitives.ReadUInt16LittleEndian(bytes[(int)(2 * i)..]),
        DType.I16 => BinaryPrimitives.ReadInt16LittleEndian(bytes[(int)(2 * i)..]),
        DType.I32 => BinaryPrimitives.ReadInt32LittleEndian(bytes[(int)(4 * i)..]),
        DType.U4 => Packed4.Get(bytes, i),
        DType.I4 => Packed4.GetSigned(bytes, i),
        _ => 0,
    };

    /// <summary>Stores code <paramref name="i"/>.</summary>
    public static void Write(DType t, Span<byte> bytes, long i, int code)
    {
        switch (t)
        {
            case DType.U8 or DType.I8: bytes[(int)i] = (byte)code; break;
            case DType.U16 or DType.I16: BinaryPrimitives.WriteUInt16LittleEndian(bytes[(int)(2 * i)..], (ushort)code); break;
            case DType.U4 or DType.I4: Packed4.Set(bytes, i, code); break;
            default: BinaryPrimitives.WriteInt32LittleEndian(bytes[(int)(4 * i)..], code); break;
        }
    }
}
