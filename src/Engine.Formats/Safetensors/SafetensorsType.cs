using Engine.Tensors;

namespace Engine.Formats.Safetensors;

/// <summary>Element types by the names that safetensors gives them.</summary>
internal static class SafetensorsType
{
    private static readonly (string Name, int Bits, DType DType)[] s_all =
    [
        ("BOOL", 8, DType.Bool), ("U8", 8, DType.U8), ("I8", 8, DType.I8), ("I16", 16, DType.I16), ("U16", 16, DType.U16), ("F16", 16, DType.F16), ("BF16", 16, DType.BF16),
        ("I32", 32, DType.I32), ("U32", 32, DType.U32), ("F32", 32, DType.F32), ("F64", 64, DType.F64), ("I64", 64, DType.I64), ("U64", 64, DType.U64),
        ("F8_E4M3", 8, DType.F8E4M3FN), ("F8_E5M2", 8, DType.F8E5M2),
        // Later additions of the format: read, but not written, so that older readers open what we write. Scales of E8M0 are codes.
        ("C64", 64, DType.C64), ("F4", 4, DType.F4E2M1), ("F8_E8M0", 8, DType.U8), ("F8_E4M3FNUZ", 8, DType.F8E4M3FNUZ), ("F8_E5M2FNUZ", 8, DType.F8E5M2FNUZ),
        ("F6_E2M3", 6, DType.Undefined), ("F6_E3M2", 6, DType.Undefined),
    ];

    // How many of the list every reader knows.
    private const int Common = 15;

    /// <summary>Bits an element and the engine's element type, undefined where it has none; false for an unknown name.</summary>
    public static bool TryParse(string name, out int bits, out DType dtype)
    {
        foreach (var t in s_all)
        {
            if (t.Name != name) continue;
            (bits, dtype) = (t.Bits, t.DType);
            return true;
        }
        (bits, dtype) = (0, DType.Undefined);
        return false;
    }

    /// <summary>The name under which every reader knows the type, or null: such elements are stored as bytes.</summary>
    public static string? NameOf(DType dtype)
    {
        foreach (var t in s_all.AsSpan(0, Common)) if (t.DType == dtype) return t.Name;
        return null;
    }
}
