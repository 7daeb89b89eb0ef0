using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>4 lanes beside <see cref="F32x4"/>.</summary>
internal unsafe struct F64x4(Vector128<double> low, Vector128<double> high) : IF64Vector<F64x4, F32x4>
{
    public Vector128<double> Low = low, High = high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x4 Of(double v) => new(Vector128.Create(v), Vector128.Create(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x4 Load(double* x) => new(Vector128.Load(x), Vector128.Load(x + 2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(double* y)
    {
        Low.Store(y);
        High.Store(y + 2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x4 Widen(float* x) => Widen(F32x4.Load(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x4 Widen(F32x4 x) => new(Vector128.WidenLower(x.Value), Vector128.WidenUpper(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x4 operator +(F64x4 a, F64x4 b) => new(a.Low + b.Low, a.High + b.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x4 operator *(F64x4 a, F64x4 b) => new(a.Low * b.Low, a.High * b.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F64x4 Abs(F64x4 x) => new(Vector128.Abs(x.Low), Vector128.Abs(x.High));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F64x4 a, F64x4 b)
    {
        Low = Vector128.MultiplyAddEstimate(a.Low, b.Low, Low);
        High = Vector128.MultiplyAddEstimate(a.High, b.High, High);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(F64x4 x) => Vector128.Sum(x.Low + x.High);
}
