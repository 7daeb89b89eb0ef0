using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>8 lanes: AVX2 with FMA.</summary>
internal unsafe struct F32x8(Vector256<float> v) : IF32Vector<F32x8>
{
    public Vector256<float> Value = v;

    public static bool IsSupported => Avx2.IsSupported && System.Runtime.Intrinsics.X86.Fma.IsSupported;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Of(float v) => new(Vector256.Create(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Load(float* x) => new(Vector256.Load(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Load(float* x, int n) => new(Avx.MaskLoad(x, First(n)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Load(float* x, int n, F32x8 rest) => new(Vector256.ConditionalSelect(First(n), Avx.MaskLoad(x, First(n)), rest.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* y) => Value.Store(y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* y, int n) => Avx.MaskStore(y, First(n), Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> First(int n) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(n)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 operator +(F32x8 a, F32x8 b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 operator -(F32x8 a, F32x8 b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 operator *(F32x8 a, F32x8 b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 operator /(F32x8 a, F32x8 b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 operator -(F32x8 a) => new(-a.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Fma(F32x8 a, F32x8 b, F32x8 c) => new(System.Runtime.Intrinsics.X86.Fma.MultiplyAdd(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F32x8 a, F32x8 b) => Value = System.Runtime.Intrinsics.X86.Fma.MultiplyAdd(a.Value, b.Value, Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F32x8 a, float* x) => Value = System.Runtime.Intrinsics.X86.Fma.MultiplyAdd(a.Value, Vector256.Load(x), Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Min(F32x8 a, F32x8 b) => new(Vector256.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Max(F32x8 a, F32x8 b) => new(Vector256.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Larger(F32x8 a, F32x8 b) => new(Avx.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Clamp(F32x8 x, F32x8 low, F32x8 high) => new(Avx.Min(high.Value, Avx.Max(low.Value, x.Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Sqrt(F32x8 x) => new(Vector256.Sqrt(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Abs(F32x8 x) => new(Vector256.Abs(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 CopySign(F32x8 x, F32x8 s) => new(Vector256.CopySign(x.Value, s.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Round(F32x8 x) => new(Vector256.Round(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Less(F32x8 a, F32x8 b) => new(Vector256.LessThan(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Select(F32x8 mask, F32x8 a, F32x8 b) => new(Vector256.ConditionalSelect(mask.Value, a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Scale(F32x8 x, F32x8 n)
    {
        // In two halves, so that subnormal and infinite results come out right: the first is exact.
        var e = Avx.ConvertToVector256Int32WithTruncation(n.Value);
        var low = e >> 1;
        return new(x.Value * Power(low) * Power(e - low));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Power(Vector256<int> e) => (e + Vector256.Create(127) << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 PowerOfTwo(F32x8 n) => new(Power(Avx.ConvertToVector256Int32WithTruncation(n.Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x8 Split(F32x8 x, out F32x8 e)
    {
        var i = x.Value.AsInt32() - Vector256.Create(F32Math.RootHalfBits);
        e = new(Vector256.ConvertToSingle(i >> 23));
        return new(((i & Vector256.Create(0x7fffff)) + Vector256.Create(F32Math.RootHalfBits)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(F32x8 x) => F32x4.Sum(new(x.Value.GetLower() + x.Value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(F32x8 x) => F32x4.Largest(new(Vector128.Max(x.Value.GetLower(), x.Value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LargestNumber(F32x8 x) => F32x4.LargestNumber(new(Sse.Max(x.Value.GetLower(), x.Value.GetUpper())));
}
