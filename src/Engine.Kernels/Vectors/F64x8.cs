using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>8 lanes beside <see cref="F32x8"/>.</summary>
internal unsafe struct F64x8(Vector256<double> low, Vector256<double> high) : IF64Vector<F64x8, F32x8>
{
    public Vector256<double> Low = low, High = high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x8 Of(double v) => new(Vector256.Create(v), Vector256.Create(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x8 Load(double* x) => new(Vector256.Load(x), Vector256.Load(x + 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(double* y)
    {
        Low.Store(y);
        High.Store(y + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x8 Widen(float* x) => new(Avx.ConvertToVector256Double(Vector128.Load(x)), Avx.ConvertToVector256Double(Vector128.Load(x + 4)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x8 Widen(F32x8 x) => new(Avx.ConvertToVector256Double(x.Value.GetLower()), Avx.ConvertToVector256Double(x.Value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x8 operator +(F64x8 a, F64x8 b) => new(a.Low + b.Low, a.High + b.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x8 operator *(F64x8 a, F64x8 b) => new(a.Low * b.Low, a.High * b.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x8 Abs(F64x8 x) => new(Vector256.Abs(x.Low), Vector256.Abs(x.High));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F64x8 a, F64x8 b)
    {
        Low = System.Runtime.Intrinsics.X86.Fma.MultiplyAdd(a.Low, b.Low, Low);
        High = System.Runtime.Intrinsics.X86.Fma.MultiplyAdd(a.High, b.High, High);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(F64x8 x) => F64x4.Sum(new(x.Low.GetLower() + x.High.GetLower(), x.Low.GetUpper() + x.High.GetUpper()));
}
