using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// q = saturate(round(x / scale) + zero) to 8-bit codes, rounding to nearest, ties to even, in binary32 as ONNX Runtime does.
/// NaN gives the smallest code.
/// </summary>
public static class QuantizeF32
{
    /// <summary>Codes of either signedness as bytes; <paramref name="min"/> and <paramref name="max"/> are the code range.</summary>
    public delegate void Fn(ReadOnlySpan<float> x, float scale, int zero, int min, int max, Span<byte> codes);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("quantize-f32",
        new("avx512", Avx512BW.IsSupported, RunAvx512),
        new("vector", Vector.IsHardwareAccelerated, Vectors),
        new("scalar", true, Scalar));

    /// <summary>One code as an integer, for every code width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Code(float x, float scale, int zero, int min, int max)
    {
        float r = MathF.Round(x / scale, MidpointRounding.ToEven) + zero;
        return r >= max ? max : r >= min ? (int)r : min;
    }

    private static void Scalar(ReadOnlySpan<float> x, float scale, int zero, int min, int max, Span<byte> codes)
    {
        for (int i = 0; i < x.Length; i++) codes[i] = (byte)Code(x[i], scale, zero, min, max);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx512(ReadOnlySpan<float> x, float scale, int zero, int min, int max, Span<byte> codes)
    {
        ref float px = ref MemoryMarshal.GetReference(x);
        ref byte py = ref MemoryMarshal.GetReference(codes);
        int i = 0;
        // The quotient by way of the reciprocal, rounded correctly by its remainder, holds while neither overflows.
        if (scale is > 1e-15f and < 1e15f)
        {
            Vector512<float> s = Vector512.Create(scale), inverse = Vector512.Create(1 / scale), large = Vector512.Create(1e9f), low = Vector512.Create((float)(min - zero)), high = Vector512.Create((float)(max - zero));
            var z = Vector512.Create(zero);
            for (; i <= x.Length - 16; i += 16)
            {
                var v = Vector512.LoadUnsafe(ref px, (nuint)i);
                var q = Avx512F.Max(Avx512F.Min(v * inverse, large), -large);
                q = Avx512F.FusedMultiplyAdd(Avx512F.FusedMultiplyAddNegated(q, s, v), inverse, q);
                // The second operand is taken where the first is no number.
                q = Avx512F.Min(Avx512F.Max(q, low), high);
                Avx512F.ConvertToVector128Byte(Avx512F.ConvertToVector512Int32(q) + z).StoreUnsafe(ref py, (nuint)i);
            }
        }
        Scalar(x[i..], scale, zero, min, max, codes[i..]);
    }

    private static void Vectors(ReadOnlySpan<float> x, float scale, int zero, int min, int max, Span<byte> codes)
    {
        ref float px = ref MemoryMarshal.GetReference(x);
        ref sbyte py = ref Unsafe.As<byte, sbyte>(ref MemoryMarshal.GetReference(codes));
        int n = Vector<float>.Count, i = 0;
        var (s, z, low, high) = (new Vector<float>(scale), new Vector<float>(zero), new Vector<float>(min), new Vector<float>(max));
        for (; i <= x.Length - 4 * n; i += 4 * n)
        {
            var a = Vector.Narrow(Codes(ref px, i, s, z, low, high), Codes(ref px, i + n, s, z, low, high));
            var b = Vector.Narrow(Codes(ref px, i + 2 * n, s, z, low, high), Codes(ref px, i + 3 * n, s, z, low, high));
            // Codes are in range, so that the low eight bits are the code, signed or not.
            Vector.Narrow(a, b).StoreUnsafe(ref py, (nuint)i);
        }
        Scalar(x[i..], scale, zero, min, max, codes[i..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<int> Codes(ref float x, int at, Vector<float> scale, Vector<float> zero, Vector<float> min, Vector<float> max)
    {
        var r = Vector.Round(Vector.LoadUnsafe(ref x, (nuint)at) / scale, MidpointRounding.ToEven) + zero;
        r = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(r, min), r, min);
        return Vector.ConvertToInt32(Vector.ConditionalSelect(Vector.LessThan(r, max), r, max));
    }
}
