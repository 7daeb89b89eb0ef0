using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>16 lanes: AVX-512.</summary>
// Here and in the other types of x86: no function whose result .NET leaves to the processor (MultiplyAddEstimate, MinNative): precompiled code calls those out of line.
internal unsafe struct F32x16(Vector512<float> v) : IF32Vector<F32x16>
{
    public Vector512<float> Value = v;

    public static bool IsSupported => Avx512F.IsSupported && Vector512.IsHardwareAccelerated;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Of(float v) => new(Vector512.Create(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Load(float* x) => new(Vector512.Load(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Load(float* x, int n) => new(Avx512F.MaskLoad(x, First(n), Vector512<float>.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Load(float* x, int n, F32x16 rest) => new(Avx512F.MaskLoad(x, First(n), rest.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* y) => Value.Store(y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* y, int n) => Avx512F.MaskStore(y, First(n), Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> First(int n) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(n)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 operator +(F32x16 a, F32x16 b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 operator -(F32x16 a, F32x16 b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 operator *(F32x16 a, F32x16 b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 operator /(F32x16 a, F32x16 b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 operator -(F32x16 a) => new(-a.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Fma(F32x16 a, F32x16 b, F32x16 c) => new(Avx512F.FusedMultiplyAdd(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F32x16 a, F32x16 b) => Value = Avx512F.FusedMultiplyAdd(a.Value, b.Value, Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F32x16 a, float* x) => Value = Avx512F.FusedMultiplyAdd(a.Value, Vector512.Load(x), Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Min(F32x16 a, F32x16 b) => new(Vector512.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Max(F32x16 a, F32x16 b) => new(Vector512.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Larger(F32x16 a, F32x16 b) => new(Avx512F.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Clamp(F32x16 x, F32x16 low, F32x16 high) => new(Avx512F.Min(high.Value, Avx512F.Max(low.Value, x.Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Sqrt(F32x16 x) => new(Vector512.Sqrt(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Abs(F32x16 x) => new(Vector512.Abs(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 CopySign(F32x16 x, F32x16 s) => new(Vector512.CopySign(x.Value, s.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Round(F32x16 x) => new(Vector512.Round(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Less(F32x16 a, F32x16 b) => new(Vector512.LessThan(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Select(F32x16 mask, F32x16 a, F32x16 b) => new(Vector512.ConditionalSelect(mask.Value, a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Scale(F32x16 x, F32x16 n) => new(Avx512F.Scale(x.Value, n.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 PowerOfTwo(F32x16 n) => new((Avx512F.ConvertToVector512Int32WithTruncation(n.Value) + Vector512.Create(127) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x16 Split(F32x16 x, out F32x16 e)
    {
        var i = x.Value.AsInt32() - Vector512.Create(F32Math.RootHalfBits);
        e = new(Vector512.ConvertToSingle(i >> 23));
        return new(((i & Vector512.Create(0x7fffff)) + Vector512.Create(F32Math.RootHalfBits)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(F32x16 x) => F32x8.Sum(new(x.Value.GetLower() + x.Value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(F32x16 x) => F32x8.Largest(new(Vector256.Max(x.Value.GetLower(), x.Value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LargestNumber(F32x16 x) => F32x8.LargestNumber(new(Avx.Max(x.Value.GetLower(), x.Value.GetUpper())));
}
