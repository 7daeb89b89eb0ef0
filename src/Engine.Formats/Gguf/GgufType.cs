namespace Engine.Formats.Gguf;

/// <summary>Element types of GGUF tensors; values equal ggml's <c>ggml_type</c>.</summary>
public enum GgufType : uint
{
    /// <summary>IEEE binary32.</summary>
    F32 = 0,
    /// <summary>IEEE binary16.</summary>
    F16 = 1,
    /// <summary>4-bit codes, a scale every 32.</summary>
    Q4_0 = 2,
    /// <summary>4-bit codes, scale and minimum every 32.</summary>
    Q4_1 = 3,
    /// <summary>5-bit codes, a scale every 32.</summary>
    Q5_0 = 6,
    /// <summary>5-bit codes, scale and minimum every 32.</summary>
    Q5_1 = 7,
    /// <summary>8-bit codes, a scale every 32.</summary>
    Q8_0 = 8,
    /// <summary>8-bit codes of activations.</summary>
    Q8_1 = 9,
    /// <summary>2-bit codes, scales and minima of 4 bits every 16.</summary>
    Q2_K = 10,
    /// <summary>3-bit codes, scales of 6 bits every 16.</summary>
    Q3_K = 11,
    /// <summary>4-bit codes, scales and minima of 6 bits every 32.</summary>
    Q4_K = 12,
    /// <summary>5-bit codes, scales and minima of 6 bits every 32.</summary>
    Q5_K = 13,
    /// <summary>6-bit codes, scales of 8 bits every 16.</summary>
    Q6_K = 14,
    /// <summary>8-bit codes of activations, a scale every 256.</summary>
    Q8_K = 15,
    /// <summary>Vectors from a code book, 2.06 bits a weight.</summary>
    IQ2_XXS = 16,
    /// <summary>Vectors from a code book, 2.31 bits a weight.</summary>
    IQ2_XS = 17,
    /// <summary>Vectors from a code book, 3.06 bits a weight.</summary>
    IQ3_XXS = 18,
    /// <summary>Vectors from a code book, 1.56 bits a weight.</summary>
    IQ1_S = 19,
    /// <summary>4-bit codes of an uneven table, a scale every 32.</summary>
    IQ4_NL = 20,
    /// <summary>Vectors from a code book, 3.44 bits a weight.</summary>
    IQ3_S = 21,
    /// <summary>Vectors from a code book, 2.56 bits a weight.</summary>
    IQ2_S = 22,
    /// <summary>4-bit codes of an uneven table, scales of 6 bits every 32.</summary>
    IQ4_XS = 23,
    /// <summary>8-bit integers.</summary>
    I8 = 24,
    /// <summary>16-bit integers.</summary>
    I16 = 25,
    /// <summary>32-bit integers.</summary>
    I32 = 26,
    /// <summary>64-bit integers.</summary>
    I64 = 27,
    /// <summary>IEEE binary64.</summary>
    F64 = 28,
    /// <summary>Vectors from a code book, 1.75 bits a weight.</summary>
    IQ1_M = 29,
    /// <summary>The upper half of a binary32.</summary>
    BF16 = 30,
    /// <summary>Ternary codes, five in a byte, a scale every 256.</summary>
    TQ1_0 = 34,
    /// <summary>Ternary codes of two bits, a scale every 256.</summary>
    TQ2_0 = 35,
    /// <summary>E2M1 codes, an E8M0 scale every 32.</summary>
    MXFP4 = 39,
}

/// <summary>Blocks of GGUF types: how many elements share one, and its bytes.</summary>
public static class GgufTypes
{
    /// <summary>Elements of a block; 0 for a type that is not known.</summary>
    public static int BlockElements(this GgufType t) => t switch
    {
        GgufType.F32 or GgufType.F16 or GgufType.BF16 or GgufType.F64 or GgufType.I8 or GgufType.I16 or GgufType.I32 or GgufType.I64 => 1,
        GgufType.Q4_0 or GgufType.Q4_1 or GgufType.Q5_0 or GgufType.Q5_1 or GgufType.Q8_0 or GgufType.Q8_1 or GgufType.IQ4_NL or GgufType.MXFP4 => 32,
        _ => t.BlockBytes() > 0 ? 256 : 0,
    };

    /// <summary>Bytes of a block; 0 for a type that is not known.</summary>
    public static int BlockBytes(this GgufType t) => t switch
    {
        GgufType.I8 => 1,
        GgufType.F16 or GgufType.BF16 or GgufType.I16 => 2,
        GgufType.F32 or GgufType.I32 => 4,
        GgufType.F64 or GgufType.I64 => 8,
        GgufType.MXFP4 => 17,
        GgufType.Q4_0 or GgufType.IQ4_NL => 18,
        GgufType.Q4_1 => 20,
        GgufType.Q5_0 => 22,
        GgufType.Q5_1 => 24,
        GgufType.Q8_0 => 34,
        GgufType.Q8_1 => 36,
        GgufType.IQ1_S => 50,
        GgufType.TQ1_0 => 54,
        GgufType.IQ1_M => 56,
        GgufType.IQ2_XXS or GgufType.TQ2_0 => 66,
        GgufType.IQ2_XS => 74,
        GgufType.IQ2_S => 82,
        GgufType.Q2_K => 84,
        GgufType.IQ3_XXS => 98,
        GgufType.Q3_K or GgufType.IQ3_S => 110,
        GgufType.IQ4_XS => 136,
        GgufType.Q4_K => 144,
        GgufType.Q5_K => 176,
        GgufType.Q6_K => 210,
        GgufType.Q8_K => 292,
        _ => 0,
    };
}
