using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>16 lanes beside <see cref="F32x16"/>.</summary>
internal unsafe struct F64x16(Vector512<double> low, Vector512<double> high) : IF64Vector<F64x16, F32x16>
{
    public Vector512<double> Low = low, High = high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x16 Of(double v) => new(Vector512.Create(v), Vector512.Create(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x16 Load(double* x) => new(Vector512.Load(x), Vector512.Load(x + 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(double* y)
    {
        Low.Store(y);
        High.Store(y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x16 Widen(float* x) => new(Avx512F.ConvertToVector512Double(Vector256.Load(x)), Avx512F.ConvertToVector512Double(Vector256.Load(x + 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x16 Widen(F32x16 x) => new(Avx512F.ConvertToVector512Double(x.Value.GetLower()), Avx512F.ConvertToVector512Double(x.Value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x16 operator +(F64x16 a, F64x16 b) => new(a.Low + b.Low, a.High + b.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x16 operator *(F64x16 a, F64x16 b) => new(a.Low * b.Low, a.High * b.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x16 Abs(F64x16 x) => new(Vector512.Abs(x.Low), Vector512.Abs(x.High));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F64x16 a, F64x16 b)
    {
        Low = Avx512F.FusedMultiplyAdd(a.Low, b.Low, Low);
        High = Avx512F.FusedMultiplyAdd(a.High, b.High, High);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(F64x16 x) => F64x8.Sum(new(x.Low.GetLower() + x.High.GetLower(), x.Low.GetUpper() + x.High.GetUpper()));
}
