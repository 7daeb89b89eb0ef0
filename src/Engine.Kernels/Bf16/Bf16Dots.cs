using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>bf16 is the upper half of f32: a shift widens the even ones, a mask the odd ones.</summary>
internal readonly unsafe struct DotBf16Avx512 : IDot<Vector512<float>, Pair<Vector512<float>>, Pair<Vector512<float>>>
{
    public static int Lanes => 16;

    public static bool SixRows => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(int* p) => Vector512.Load((float*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> x, int* p) => x.Store((float*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<float>> Row(byte* p) => new(Vector512.Create(Unsafe.ReadUnaligned<int>(p) << 16).AsSingle(), Vector512.Create(Unsafe.ReadUnaligned<int>(p) & ~0xFFFF).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<float>> Columns(sbyte* p)
    {
        var x = Vector512.Load((int*)p);
        return new((x << 16).AsSingle(), (x & Vector512.Create(~0xFFFF)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> sum, Pair<Vector512<float>> a, Pair<Vector512<float>> b) =>
        Avx512F.FusedMultiplyAdd(a.Odd, b.Odd, Avx512F.FusedMultiplyAdd(a.Even, b.Even, sum));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Plus(Vector512<float> x, Vector512<float> y) => x + y;
}

/// <summary>The same in 256 bits.</summary>
internal readonly unsafe struct DotBf16Avx2 : IDot<Vector256<float>, Pair<Vector256<float>>, Pair<Vector256<float>>>
{
    public static int Lanes => 8;

    public static bool SixRows => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(int* p) => Vector256.Load((float*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> x, int* p) => x.Store((float*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<float>> Row(byte* p) => new(Vector256.Create(Unsafe.ReadUnaligned<int>(p) << 16).AsSingle(), Vector256.Create(Unsafe.ReadUnaligned<int>(p) & ~0xFFFF).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<float>> Columns(sbyte* p)
    {
        var x = Vector256.Load((int*)p);
        return new((x << 16).AsSingle(), (x & Vector256.Create(~0xFFFF)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> sum, Pair<Vector256<float>> a, Pair<Vector256<float>> b) =>
        Fma.MultiplyAdd(a.Odd, b.Odd, Fma.MultiplyAdd(a.Even, b.Even, sum));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Plus(Vector256<float> x, Vector256<float> y) => x + y;
}

/// <summary>The same in 128 bits, on Arm.</summary>
internal readonly unsafe struct DotBf16Arm : IDot<Vector128<float>, Pair<Vector128<float>>, Pair<Vector128<float>>>
{
    public static int Lanes => 4;

    public static bool SixRows => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(int* p) => Vector128.Load((float*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> x, int* p) => x.Store((float*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<float>> Row(byte* p) => new(Vector128.Create(Unsafe.ReadUnaligned<int>(p) << 16).AsSingle(), Vector128.Create(Unsafe.ReadUnaligned<int>(p) & ~0xFFFF).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<float>> Columns(sbyte* p)
    {
        var x = Vector128.Load((int*)p);
        return new((x << 16).AsSingle(), (x & Vector128.Create(~0xFFFF)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> sum, Pair<Vector128<float>> a, Pair<Vector128<float>> b) =>
        AdvSimd.FusedMultiplyAdd(AdvSimd.FusedMultiplyAdd(sum, a.Even, b.Even), a.Odd, b.Odd);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Plus(Vector128<float> x, Vector128<float> y) => x + y;
}
