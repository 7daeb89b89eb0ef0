using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>What turns integer sums into u8 codes: by a factor in binary32, or by a dyadic number in integers alone.</summary>
public readonly unsafe struct Requantization
{
    /// <summary>A factor and an addend a channel, readable for 16 channels beyond the last.</summary>
    public readonly float* Scale, Offset;

    /// <summary>A multiplier and a shift a channel (<see cref="Dyadic"/>), readable for 16 channels beyond the last.</summary>
    public readonly int* Multiplier, Shift;

    /// <summary>Code of 0, and the bounds of codes.</summary>
    public readonly int Zero, Min, Max;

    /// <summary>code = clamp(round(sum · scale + offset) + zero, min, max), to nearest even, in binary32 with one rounding before it. Offsets of 0 are QLinearConv's definition, the bias part of the sum.</summary>
    public Requantization(float* scale, float* offset, int zero, int min, int max)
    {
        Scale = scale;
        Offset = offset;
        (Zero, Min, Max) = (zero, min, max);
    }

    /// <summary>code = clamp(⌊(sum · multiplier + 2^(shift − 1)) / 2^shift⌋ + zero, min, max), the product in 64 bits: rounded half up.</summary>
    public Requantization(int* multiplier, int* shift, int zero, int min, int max)
    {
        Multiplier = multiplier;
        Shift = shift;
        (Zero, Min, Max) = (zero, min, max);
    }

    /// <summary>The same for channels from <paramref name="channel"/> on.</summary>
    public Requantization From(int channel) => Scale != null ? new(Scale + channel, Offset + channel, Zero, Min, Max) : new(Multiplier + channel, Shift + channel, Zero, Min, Max);
}

/// <summary>Requantizes a tile of sums [pixels, channels] into channels-last codes.</summary>
public static unsafe class RequantizeU8
{
    /// <summary>Rows of sums are readable up to a multiple of 16 channels; of every pixel of y just the channels are written. Strides in elements.</summary>
    public delegate void Fn(int* sums, nint sumStride, int pixels, int channels, in Requantization r, byte* y, nint yStride);

    /// <summary>Best first; the last is the reference.</summary>
    public static KernelTable<Fn> Table { get; } = new("requantize-u8",
        new("avx512", Avx512BW.IsSupported, RunAvx512),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, RunAvx2),
        new("scalar", true, RunScalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx512(int* sums, nint sumStride, int pixels, int channels, in Requantization r, byte* y, nint yStride)
    {
        var (low, high, zero) = (Vector512.Create((float)(r.Min - r.Zero)), Vector512.Create((float)(r.Max - r.Zero)), Vector512.Create(r.Zero));
        int c = 0;
        for (; c + 16 <= channels; c += 16)
        {
            var (s, o) = (Vector512.Load(r.Scale + c), Vector512.Load(r.Offset + c));
            int* from = sums + c;
            byte* to = y + c;
            int i = pixels;
            for (; i >= 4; i -= 4, from += 4 * sumStride, to += 4 * yStride)
            {
                var q0 = Codes(from, s, o, low, high, zero);
                var q1 = Codes(from + sumStride, s, o, low, high, zero);
                var q2 = Codes(from + 2 * sumStride, s, o, low, high, zero);
                var q3 = Codes(from + 3 * sumStride, s, o, low, high, zero);
                q0.Store(to);
                q1.Store(to + yStride);
                q2.Store(to + 2 * yStride);
                q3.Store(to + 3 * yStride);
            }
            for (; i > 0; i--, from += sumStride, to += yStride) Codes(from, s, o, low, high, zero).Store(to);
        }
        if (c == channels) return;
        var (ls, lo) = (Vector512.Load(r.Scale + c), Vector512.Load(r.Offset + c));
        for (int i = 0; i < pixels; i++) StorePart(Codes(sums + i * sumStride + c, ls, lo, low, high, zero), y + i * yStride + c, channels - c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Codes(int* sums, Vector512<float> s, Vector512<float> o, Vector512<float> low, Vector512<float> high, Vector512<int> zero)
    {
        // Bounds before the rounding: a value beyond i32 would wrap.
        var f = Avx512F.Min(Avx512F.Max(Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(Vector512.Load(sums)), s, o), low), high);
        return Avx512F.ConvertToVector128Byte(Avx512F.ConvertToVector512Int32(f) + zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunAvx2(int* sums, nint sumStride, int pixels, int channels, in Requantization r, byte* y, nint yStride)
    {
        var (low, high, zero) = (Vector256.Create((float)(r.Min - r.Zero)), Vector256.Create((float)(r.Max - r.Zero)), Vector256.Create(r.Zero));
        for (int c = 0; c < channels; c += 16)
        {
            Vector256<float> s0 = Vector256.Load(r.Scale + c), s1 = Vector256.Load(r.Scale + c + 8), o0 = Vector256.Load(r.Offset + c), o1 = Vector256.Load(r.Offset + c + 8);
            int* from = sums + c;
            byte* to = y + c;
            if (c + 16 <= channels)
                for (int i = 0; i < pixels; i++, from += sumStride, to += yStride) Codes16(from, s0, s1, o0, o1, low, high, zero).Store(to);
            else
                for (int i = 0; i < pixels; i++, from += sumStride, to += yStride) StorePart(Codes16(from, s0, s1, o0, o1, low, high, zero), to, channels - c);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Codes16(int* sums, Vector256<float> s0, Vector256<float> s1, Vector256<float> o0, Vector256<float> o1, Vector256<float> low, Vector256<float> high, Vector256<int> zero)
    {
        var f0 = Avx.Min(Avx.Max(Fma.MultiplyAdd(Avx.ConvertToVector256Single(Vector256.Load(sums)), s0, o0), low), high);
        var f1 = Avx.Min(Avx.Max(Fma.MultiplyAdd(Avx.ConvertToVector256Single(Vector256.Load(sums + 8)), s1, o1), low), high);
        // The pack works on halves: 0-3 8-11 4-7 12-15.
        var words = Avx2.Permute4x64(Avx2.PackSignedSaturate(Avx.ConvertToVector256Int32(f0) + zero, Avx.ConvertToVector256Int32(f1) + zero).AsInt64(), 0b11_01_10_00).AsInt16();
        return Sse2.PackUnsignedSaturate(words.GetLower(), words.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart(Vector128<byte> codes, byte* to, int count)
    {
        ulong bits = codes.AsUInt64().ToScalar();
        int i = 0;
        if (count >= 8)
        {
            Unsafe.WriteUnaligned(to, bits);
            (bits, i) = (codes.AsUInt64().GetElement(1), 8);
        }
        for (; i < count; i++, bits >>= 8) to[i] = (byte)bits;
    }

    private static void RunScalar(int* sums, nint sumStride, int pixels, int channels, in Requantization r, byte* y, nint yStride)
    {
        float low = r.Min - r.Zero, high = r.Max - r.Zero;
        for (int i = 0; i < pixels; i++)
            for (int c = 0; c < channels; c++)
            {
                float f = MathF.FusedMultiplyAdd(sums[i * sumStride + c], r.Scale[c], r.Offset[c]);
                f = f > low ? f : low;
                f = f < high ? f : high;
                y[i * yStride + c] = (byte)((int)MathF.Round(f, MidpointRounding.ToEven) + r.Zero);
            }
    }
}
