using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>Sets of element types that operators accept.</summary>
internal static class Types
{
    public static readonly DType[] Bool = [DType.Bool];
    public static readonly DType[] Float = [DType.F32, DType.F64, DType.F16, DType.BF16];
    public static readonly DType[] Unsigned = [DType.U8, DType.U16, DType.U32, DType.U64];
    public static readonly DType[] Integer = [.. Unsigned, DType.I8, DType.I16, DType.I32, DType.I64];
    public static readonly DType[] Signed = [.. Float, DType.I8, DType.I16, DType.I32, DType.I64];
    public static readonly DType[] Numeric = [.. Float, .. Integer];
    public static readonly DType[] SmallFloat = [DType.F8E4M3FN, DType.F8E4M3FNUZ, DType.F8E5M2, DType.F8E5M2FNUZ];
    public static readonly DType[] FloatAndSmall = [.. Float, .. SmallFloat];
    public static readonly DType[] Comparable = [.. Numeric, DType.Bool, DType.String];
    public static readonly DType[] Packed = [DType.I4, DType.U4, DType.F4E2M1];
    public static readonly DType[] Castable = [.. Numeric, DType.Bool, DType.String, .. SmallFloat, .. Packed];
}
