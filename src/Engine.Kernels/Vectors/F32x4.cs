using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>4 lanes: any CPU with vectors of 128 bits, x64 and arm64.</summary>
internal unsafe struct F32x4(Vector128<float> v) : IF32Vector<F32x4>
{
    public Vector128<float> Value = v;

    public static bool IsSupported => Vector128.IsHardwareAccelerated;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Of(float v) => new(Vector128.Create(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Load(float* x) => new(Vector128.Load(x));

    public static F32x4 Load(float* x, int n) => Load(x, n, default);

    public static F32x4 Load(float* x, int n, F32x4 rest)
    {
        float* lanes = stackalloc float[4];
        rest.Store(lanes);
        for (int i = 0; i < n; i++) lanes[i] = x[i];
        return Load(lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(float* y) => Value.Store(y);

    public readonly void Store(float* y, int n)
    {
        float* lanes = stackalloc float[4];
        Store(lanes);
        for (int i = 0; i < n; i++) y[i] = lanes[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 operator +(F32x4 a, F32x4 b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 operator -(F32x4 a, F32x4 b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 operator *(F32x4 a, F32x4 b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 operator /(F32x4 a, F32x4 b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 operator -(F32x4 a) => new(-a.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Fma(F32x4 a, F32x4 b, F32x4 c) => new(Vector128.MultiplyAddEstimate(a.Value, b.Value, c.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F32x4 a, F32x4 b) => Value = Vector128.MultiplyAddEstimate(a.Value, b.Value, Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddProduct(F32x4 a, float* x) => Value = Vector128.MultiplyAddEstimate(a.Value, Vector128.Load(x), Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Min(F32x4 a, F32x4 b) => new(Vector128.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Max(F32x4 a, F32x4 b) => new(Vector128.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Larger(F32x4 a, F32x4 b) => new(Vector128.MaxNative(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Clamp(F32x4 x, F32x4 low, F32x4 high) => new(Vector128.MinNative(high.Value, Vector128.MaxNative(low.Value, x.Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Sqrt(F32x4 x) => new(Vector128.Sqrt(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Abs(F32x4 x) => new(Vector128.Abs(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 CopySign(F32x4 x, F32x4 s) => new(Vector128.CopySign(x.Value, s.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Round(F32x4 x) => new(Vector128.Round(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Less(F32x4 a, F32x4 b) => new(Vector128.LessThan(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Select(F32x4 mask, F32x4 a, F32x4 b) => new(Vector128.ConditionalSelect(mask.Value, a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Scale(F32x4 x, F32x4 n)
    {
        // In two halves, so that subnormal and infinite results come out right: the first is exact.
        var e = Vector128.ConvertToInt32Native(n.Value);
        var low = e >> 1;
        return new(x.Value * Power(low) * Power(e - low));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Power(Vector128<int> e) => (e + Vector128.Create(127) << 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 PowerOfTwo(F32x4 n) => new(Power(Vector128.ConvertToInt32Native(n.Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F32x4 Split(F32x4 x, out F32x4 e)
    {
        var i = x.Value.AsInt32() - Vector128.Create(F32Math.RootHalfBits);
        e = new(Vector128.ConvertToSingle(i >> 23));
        return new(((i & Vector128.Create(0x7fffff)) + Vector128.Create(F32Math.RootHalfBits)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(F32x4 x) => x.Value[0] + x.Value[1] + (x.Value[2] + x.Value[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(F32x4 x) => MathF.Max(MathF.Max(x.Value[0], x.Value[1]), MathF.Max(x.Value[2], x.Value[3]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float LargestNumber(F32x4 x)
    {
        var y = Vector128.MaxNative(x.Value, Vector128.Shuffle(x.Value, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(y, Vector128.Shuffle(y, Vector128.Create(1, 0, 3, 2)))[0];
    }
}
