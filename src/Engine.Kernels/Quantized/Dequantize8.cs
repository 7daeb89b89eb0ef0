using System.Numerics;
using System.Runtime.InteropServices;

namespace Engine.Kernels;

/// <summary>x = (q − zero) · scale for 8-bit codes.</summary>
public static class Dequantize8
{
    /// <summary>Codes of either signedness, given as bytes.</summary>
    public delegate void Fn(ReadOnlySpan<byte> codes, bool signed, float scale, int zero, Span<float> x);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("dequantize-8",
        new("vector", Vector.IsHardwareAccelerated, Vectors),
        new("scalar", true, Scalar));

    private static void Scalar(ReadOnlySpan<byte> codes, bool signed, float scale, int zero, Span<float> x)
    {
        for (int i = 0; i < x.Length; i++) x[i] = ((signed ? (sbyte)codes[i] : codes[i]) - zero) * scale;
    }

    private static void Vectors(ReadOnlySpan<byte> codes, bool signed, float scale, int zero, Span<float> x)
    {
        ref byte pc = ref MemoryMarshal.GetReference(codes);
        ref float px = ref MemoryMarshal.GetReference(x);
        int n = Vector<float>.Count, i = 0;
        var s = new Vector<float>(scale);
        var z = new Vector<int>(zero);
        for (; i <= x.Length - 4 * n; i += 4 * n)
        {
            var c = Vector.LoadUnsafe(ref pc, (nuint)i);
            Vector<short> a, b;
            if (signed) Vector.Widen(Vector.AsVectorSByte(c), out a, out b);
            else
            {
                Vector.Widen(c, out var ua, out var ub);
                (a, b) = (Vector.AsVectorInt16(ua), Vector.AsVectorInt16(ub));
            }
            Vector.Widen(a, out var c0, out var c1);
            Vector.Widen(b, out var c2, out var c3);
            (Vector.ConvertToSingle(c0 - z) * s).StoreUnsafe(ref px, (nuint)i);
            (Vector.ConvertToSingle(c1 - z) * s).StoreUnsafe(ref px, (nuint)(i + n));
            (Vector.ConvertToSingle(c2 - z) * s).StoreUnsafe(ref px, (nuint)(i + 2 * n));
            (Vector.ConvertToSingle(c3 - z) * s).StoreUnsafe(ref px, (nuint)(i + 3 * n));
        }
        Scalar(codes[i..], signed, scale, zero, x[i..]);
    }
}
