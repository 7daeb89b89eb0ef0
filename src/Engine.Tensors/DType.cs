namespace Engine.Tensors;

/// <summary>Element types. Values equal ONNX <c>TensorProto.DataType</c>.</summary>
public enum DType : byte
{
    /// <summary>No type.</summary>
    Undefined = 0,
    /// <summary>IEEE binary32.</summary>
    F32 = 1,
    /// <summary>Unsigned 8-bit integer.</summary>
    U8 = 2,
    /// <summary>Signed 8-bit integer.</summary>
    I8 = 3,
    /// <summary>Unsigned 16-bit integer.</summary>
    U16 = 4,
    /// <summary>Signed 16-bit integer.</summary>
    I16 = 5,
    /// <summary>Signed 32-bit integer.</summary>
    I32 = 6,
    /// <summary>Signed 64-bit integer.</summary>
    I64 = 7,
    /// <summary>UTF-16 strings, held as managed references.</summary>
    String = 8,
    /// <summary>One byte an element, 0 or 1.</summary>
    Bool = 9,
    /// <summary>IEEE binary16.</summary>
    F16 = 10,
    /// <summary>IEEE binary64.</summary>
    F64 = 11,
    /// <summary>Unsigned 32-bit integer.</summary>
    U32 = 12,
    /// <summary>Unsigned 64-bit integer.</summary>
    U64 = 13,
    /// <summary>Two binary32: real, imaginary.</summary>
    C64 = 14,
    /// <summary>Two binary64: real, imaginary.</summary>
    C128 = 15,
    /// <summary>The upper half of a binary32.</summary>
    BF16 = 16,
    /// <summary>8-bit float, 4 exponent bits, no infinity.</summary>
    F8E4M3FN = 17,
    /// <summary>8-bit float, 4 exponent bits, no infinity, no negative zero.</summary>
    F8E4M3FNUZ = 18,
    /// <summary>8-bit float, 5 exponent bits.</summary>
    F8E5M2 = 19,
    /// <summary>8-bit float, 5 exponent bits, no infinity, no negative zero.</summary>
    F8E5M2FNUZ = 20,
    /// <summary>Unsigned 4-bit integer, two a byte, low nibble first.</summary>
    U4 = 21,
    /// <summary>Signed 4-bit integer, two a byte, low nibble first.</summary>
    I4 = 22,
    /// <summary>4-bit float (1 sign, 2 exponent, 1 mantissa bit), two a byte, low nibble first.</summary>
    F4E2M1 = 23,
}

/// <summary>Sizes and families of <see cref="DType"/>.</summary>
public static class DTypes
{
    /// <summary>Bits an element takes in storage; 0 for strings and undefined.</summary>
    public static int BitWidth(this DType t) => t switch
    {
        DType.U4 or DType.I4 or DType.F4E2M1 => 4,
        DType.U8 or DType.I8 or DType.Bool or DType.F8E4M3FN or DType.F8E4M3FNUZ or DType.F8E5M2 or DType.F8E5M2FNUZ => 8,
        DType.U16 or DType.I16 or DType.F16 or DType.BF16 => 16,
        DType.F32 or DType.I32 or DType.U32 => 32,
        DType.F64 or DType.I64 or DType.U64 or DType.C64 => 64,
        DType.C128 => 128,
        _ => 0,
    };

    /// <summary>Bytes that <paramref name="elements"/> take, rounded up to a whole byte; throws when the count overflows.</summary>
    public static long ByteCount(this DType t, long elements) => Checked.CeilDiv(Checked.Mul(elements, t.BitWidth()), 8);

    /// <summary>True for every binary floating-point type, 8- and 4-bit ones included.</summary>
    public static bool IsFloat(this DType t) => t is DType.F32 or DType.F64 or DType.F16 or DType.BF16 || t.IsSmallFloat();

    /// <summary>True for 8- and 4-bit floats.</summary>
    public static bool IsSmallFloat(this DType t) => t is >= DType.F8E4M3FN and <= DType.F8E5M2FNUZ or DType.F4E2M1;

    /// <summary>True for signed and unsigned integers, 4-bit ones included; not for booleans.</summary>
    public static bool IsInteger(this DType t) => t is DType.U8 or DType.I8 or DType.U16 or DType.I16 or DType.I32 or DType.I64 or DType.U32 or DType.U64 or DType.U4 or DType.I4;

    /// <summary>True when two elements share a byte.</summary>
    public static bool IsPacked(this DType t) => t.BitWidth() == 4;

    /// <summary>True when the value is a type this engine knows.</summary>
    public static bool IsDefined(this DType t) => t is > DType.Undefined and <= DType.F4E2M1;

    /// <summary>Lower-case name used in tables and messages: <c>f32</c>, <c>i64</c>, <c>string</c>.</summary>
    public static string Display(this DType t) => t switch
    {
        DType.F8E4M3FN => "f8e4m3fn",
        DType.F8E4M3FNUZ => "f8e4m3fnuz",
        DType.F8E5M2 => "f8e5m2",
        DType.F8E5M2FNUZ => "f8e5m2fnuz",
        DType.F4E2M1 => "f4e2m1",
        _ => t.ToString().ToLowerInvariant(),
    };
}
