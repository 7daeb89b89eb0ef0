using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// Rows of f32 activations as signed codes in ±127 with one scale a group: code = round(x · (127 / max |x|)), ties to even, scale =
/// max |x| / 127. A group that is not finite has codes 0 and a scale NaN; one below 1e-36 is 0.
/// </summary>
public static unsafe class QuantizeRows
{
    // Below this 127 / max is infinite.
    private const float Least = 1e-36f;

    /// <summary>
    /// One group: <paramref name="count"/> values to as many codes, and for every <paramref name="block"/> of codes their sum times
    /// <paramref name="factor"/>; codes and sums up to <paramref name="padded"/> columns, a multiple of the block, are 0. Returns the scale.
    /// </summary>
    public delegate float Fn(float* x, int count, int padded, int block, int factor, sbyte* codes, int* sums);

    /// <summary>Best first; all give the same bits.</summary>
    public static KernelTable<Fn> Table { get; } = new("quantize-rows",
        new("avx512", Avx512F.IsSupported, Avx512),
        new("vector", Vector128.IsHardwareAccelerated, Vectors),
        new("scalar", true, Scalar));

    private static float Scale(int max, out float inverse)
    {
        float m = BitConverter.Int32BitsToSingle(max);
        bool zero = !float.IsFinite(m) || m < Least;
        inverse = zero ? 0 : 127 / m;
        return !float.IsFinite(m) ? float.NaN : zero ? 0 : m / 127;
    }

    private static void Finish(int from, int padded, int block, int factor, sbyte* codes, int* sums)
    {
        for (int i = from; i < padded; i++) codes[i] = 0;
        for (int b = 0; b < padded / block; b++)
        {
            int sum = 0;
            for (int i = b * block; i < (b + 1) * block; i++) sum += codes[i];
            sums[b] = sum * factor;
        }
    }

    private static float Scalar(float* x, int count, int padded, int block, int factor, sbyte* codes, int* sums)
    {
        int max = 0;
        for (int i = 0; i < count; i++) max = Math.Max(max, BitConverter.SingleToInt32Bits(x[i]) & int.MaxValue);
        float scale = Scale(max, out float inverse);
        if (inverse == 0) count = 0;
        for (int i = 0; i < count; i++) codes[i] = (sbyte)MathF.Round(x[i] * inverse, MidpointRounding.ToEven);
        Finish(count, padded, block, factor, codes, sums);
        return scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Avx512(float* x, int count, int padded, int block, int factor, sbyte* codes, int* sums)
    {
        if (count != padded) return Vectors(x, count, padded, block, factor, codes, sums);
        // As integers, magnitudes are ordered and NaN is the largest.
        var bits = Vector512.Create(int.MaxValue);
        var max = Vector512<int>.Zero;
        for (int i = 0; i < count; i += 16) max = Vector512.Max(max, Vector512.Load((int*)x + i) & bits);
        var half = Vector256.Max(max.GetLower(), max.GetUpper());
        var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        quarter = Vector128.Max(quarter, Sse2.Shuffle(quarter, 0x4e));
        quarter = Vector128.Max(quarter, Sse2.Shuffle(quarter, 0xb1));
        float scale = Scale(quarter.ToScalar(), out float inverse);
        if (inverse == 0)
        {
            Finish(0, padded, block, factor, codes, sums);
            return scale;
        }
        var v = Vector512.Create(inverse);
        for (int b = 0, i = 0; i < count; b++)
        {
            var sum = Vector512<int>.Zero;
            for (int end = i + block; i < end; i += 16)
            {
                var q = Avx512F.ConvertToVector512Int32(Vector512.Load(x + i) * v);
                Avx512F.ConvertToVector128SByte(q).Store(codes + i);
                sum += q;
            }
            sums[b] = Vector512.Sum(sum) * factor;
        }
        return scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Vectors(float* x, int count, int padded, int block, int factor, sbyte* codes, int* sums)
    {
        var bits = Vector128.Create(int.MaxValue);
        var most = Vector128<int>.Zero;
        int i = 0, max = 0;
        for (; i <= count - 4; i += 4) most = Vector128.Max(most, Vector128.Load((int*)x + i) & bits);
        for (int lane = 0; lane < 4; lane++) max = Math.Max(max, most[lane]);
        for (; i < count; i++) max = Math.Max(max, BitConverter.SingleToInt32Bits(x[i]) & int.MaxValue);
        float scale = Scale(max, out float inverse);
        if (inverse == 0) count = 0;
        var v = Vector128.Create(inverse);
        for (i = 0; i <= count - 16; i += 16)
            Vector128.Narrow(Vector128.Narrow(Codes(x + i, v), Codes(x + i + 4, v)), Vector128.Narrow(Codes(x + i + 8, v), Codes(x + i + 12, v))).Store(codes + i);
        for (; i < count; i++) codes[i] = (sbyte)MathF.Round(x[i] * inverse, MidpointRounding.ToEven);
        Finish(count, padded, block, factor, codes, sums);
        return scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Codes(float* x, Vector128<float> inverse) => Vector128.ConvertToInt32(Vector128.Round(Vector128.Load(x) * inverse, MidpointRounding.ToEven));
}
