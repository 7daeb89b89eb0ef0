namespace Engine.Ptx.Text;

/// <summary>The fundamental types of PTX, and the packed ones that instructions name.</summary>
internal enum PtxType
{
    None,
    Pred,
    B1,
    S4,
    U4,
    B8,
    S8,
    U8,
    B16,
    S16,
    U16,
    F16,
    BF16,
    B32,
    S32,
    U32,
    F32,
    TF32,
    F16x2,
    BF16x2,
    B64,
    S64,
    U64,
    F64,
    B128,
}

internal static class PtxTypes
{
    private static readonly Dictionary<string, PtxType> Names =
        Enum.GetValues<PtxType>().Where(t => t != PtxType.None).ToDictionary(t => t.ToString().ToLowerInvariant());

    public static PtxType Parse(string name) => Names.GetValueOrDefault(name);

    public static int Bits(this PtxType type) => type switch
    {
        PtxType.Pred or PtxType.B1 => 1,
        PtxType.S4 or PtxType.U4 => 4,
        PtxType.B8 or PtxType.S8 or PtxType.U8 => 8,
        PtxType.B16 or PtxType.S16 or PtxType.U16 or PtxType.F16 or PtxType.BF16 => 16,
        PtxType.B64 or PtxType.S64 or PtxType.U64 or PtxType.F64 => 64,
        PtxType.B128 => 128,
        _ => 32,
    };

    public static int Bytes(this PtxType type) => Math.Max(1, type.Bits() / 8);

    public static bool IsSigned(this PtxType type) => type is PtxType.S4 or PtxType.S8 or PtxType.S16 or PtxType.S32 or PtxType.S64;

    public static bool IsFloat(this PtxType type) =>
        type is PtxType.F16 or PtxType.BF16 or PtxType.F16x2 or PtxType.BF16x2 or PtxType.F32 or PtxType.TF32 or PtxType.F64;
}
