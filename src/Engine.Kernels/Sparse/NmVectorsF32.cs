using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Activations gathered by positions in f32: what <see cref="NmPanelsF32"/> is written with.</summary>
/// <typeparam name="TV">A vector of f32, a lane a column.</typeparam>
/// <typeparam name="TI">Positions, 32 bits a lane.</typeparam>
internal unsafe interface INmF32<TV, TI> where TV : unmanaged where TI : unmanaged
{
    /// <summary>Columns of a vector.</summary>
    static abstract int Lanes { get; }

    static abstract TV Load(float* p);

    static abstract void Store(TV x, float* p);

    static abstract TV Add(TV x, TV y);

    static abstract TV MultiplyAdd(TV a, TV b, TV sum);

    static abstract TI Positions(float* p);

    /// <summary>Positions of the next value.</summary>
    static abstract TI Next(TI positions, int bits);

    /// <summary>A group of activations, wherever a permutation looks for it.</summary>
    static abstract TV Window<F>(float* p) where F : struct, NmPanelsF32.IGroups;

    /// <summary>The activation at every lane's position; bits above those of a position do not count.</summary>
    static abstract TV Permute<F>(TV window, TI positions) where F : struct, NmPanelsF32.IGroups;

    /// <summary>Fetches what is read later; nothing where <paramref name="p"/> is no memory.</summary>
    static abstract void Prefetch(float* p);
}

/// <summary>vpermilps and vpermps of 512 bits.</summary>
internal readonly unsafe struct NmF32Avx512 : INmF32<Vector512<float>, Vector512<uint>>
{
    public static int Lanes => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* p) => Vector512.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> x, float* p) => x.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> x, Vector512<float> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> sum) => Avx512F.FusedMultiplyAdd(a, b, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Positions(float* p) => Vector512.Load((uint*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Next(Vector512<uint> positions, int bits) => positions >> bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Window<F>(float* p) where F : struct, NmPanelsF32.IGroups => F.M switch
    {
        2 => Vector512.Create(*(double*)p).AsSingle(),
        4 => Avx512F.BroadcastVector128ToVector512(p),
        _ => Vector512.Create(Vector256.Load(p)),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Permute<F>(Vector512<float> window, Vector512<uint> positions) where F : struct, NmPanelsF32.IGroups =>
        F.M == 8 ? Avx512F.PermuteVar16x32(window, positions.AsInt32()) : Avx512F.PermuteVar4x32(window, positions.AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* p) => Sse.Prefetch0(p);
}

/// <summary>vpermilps and vpermps of 256 bits.</summary>
internal readonly unsafe struct NmF32Avx2 : INmF32<Vector256<float>, Vector256<uint>>
{
    public static int Lanes => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> x, float* p) => x.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> x, Vector256<float> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> sum) => Fma.MultiplyAdd(a, b, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Positions(float* p) => Vector256.Load((uint*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Next(Vector256<uint> positions, int bits) => positions >> bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Window<F>(float* p) where F : struct, NmPanelsF32.IGroups => F.M switch
    {
        2 => Vector256.Create(*(double*)p).AsSingle(),
        4 => Avx.BroadcastVector128ToVector256(p),
        _ => Vector256.Load(p),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Permute<F>(Vector256<float> window, Vector256<uint> positions) where F : struct, NmPanelsF32.IGroups =>
        F.M == 8 ? Avx2.PermuteVar8x32(window, positions.AsInt32()) : Avx.PermuteVar(window, positions.AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* p) => Sse.Prefetch0(p);
}

/// <summary>tbl of the bytes of a group, one register or two.</summary>
internal readonly unsafe struct NmF32Arm : INmF32<Pair<Vector128<float>>, Vector128<uint>>
{
    public static int Lanes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<float>> Load(float* p) => new(Vector128.Load(p), default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Pair<Vector128<float>> x, float* p) => x.Even.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<float>> Add(Pair<Vector128<float>> x, Pair<Vector128<float>> y) => new(x.Even + y.Even, default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<float>> MultiplyAdd(Pair<Vector128<float>> a, Pair<Vector128<float>> b, Pair<Vector128<float>> sum) => new(AdvSimd.FusedMultiplyAdd(sum.Even, a.Even, b.Even), default);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Positions(float* p) => Vector128.Load((uint*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Next(Vector128<uint> positions, int bits) => positions >> bits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<float>> Window<F>(float* p) where F : struct, NmPanelsF32.IGroups => F.M switch
    {
        2 => new(Vector128.Create(*(double*)p).AsSingle(), default),
        4 => new(Vector128.Load(p), default),
        _ => new(Vector128.Load(p), Vector128.Load(p + 4)),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<float>> Permute<F>(Pair<Vector128<float>> window, Vector128<uint> positions) where F : struct, NmPanelsF32.IGroups
    {
        // The four bytes of an element.
        var bytes = ((positions & Vector128.Create((uint)(F.M == 8 ? 7 : 3))) * 0x04040404u + Vector128.Create(0x03020100u)).AsByte();
        return new((F.M == 8 ? AdvSimd.Arm64.VectorTableLookup((window.Even.AsByte(), window.Odd.AsByte()), bytes) : AdvSimd.Arm64.VectorTableLookup(window.Even.AsByte(), bytes)).AsSingle(), default);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* p) { }
}
