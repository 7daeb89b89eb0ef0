using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>vpdpbusd of 256 bits.</summary>
internal readonly unsafe struct DotAvxVnni : IQuadDot<Vector256<int>, Vector256<byte>, Vector256<sbyte>>
{
    public static int Lanes => 8;

    public static bool SixRows => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(int* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> x, int* p) => x.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Row(byte* p) => Vector256.Create(Unsafe.ReadUnaligned<int>(p)).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Columns(sbyte* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> a, Vector256<sbyte> b) => AvxVnni.MultiplyWideningAndAdd(sum, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Plus(Vector256<int> x, Vector256<int> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Quads(byte* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Quad(sbyte* p) => Vector256.Create(Unsafe.ReadUnaligned<int>(p)).AsSByte();
}

/// <summary>vpmaddwd of 512 bits on even and on odd bytes.</summary>
internal readonly unsafe struct DotAvx512 : IQuadDot<Vector512<int>, Pair<Vector512<short>>, Pair<Vector512<short>>>
{
    public static int Lanes => 16;

    public static bool SixRows => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load(int* p) => Vector512.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> x, int* p) => x.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<short>> Row(byte* p) => Unsigned(Vector512.Create(Unsafe.ReadUnaligned<int>(p)).AsUInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<short>> Columns(sbyte* p) => Signed(Vector512.Load((short*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Add(Vector512<int> sum, Pair<Vector512<short>> a, Pair<Vector512<short>> b) =>
        sum + (Avx512BW.MultiplyAddAdjacent(a.Even, b.Even) + Avx512BW.MultiplyAddAdjacent(a.Odd, b.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Plus(Vector512<int> x, Vector512<int> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<short>> Quads(byte* p) => Unsigned(Vector512.Load((ushort*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<short>> Quad(sbyte* p) => Signed(Vector512.Create(Unsafe.ReadUnaligned<int>(p)).AsInt16());

    /// <summary>Bytes of A, widened.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<short>> Unsigned(Vector512<ushort> x) => new((x & Vector512.Create((ushort)0xFF)).AsInt16(), (x >> 8).AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Pair<Vector512<short>> Signed(Vector512<short> x) => new((x << 8) >> 8, x >> 8);
}

/// <summary>The same in 256 bits.</summary>
internal readonly unsafe struct DotAvx2 : IQuadDot<Vector256<int>, Pair<Vector256<short>>, Pair<Vector256<short>>>
{
    public static int Lanes => 8;

    public static bool SixRows => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(int* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> x, int* p) => x.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<short>> Row(byte* p) => Unsigned(Vector256.Create(Unsafe.ReadUnaligned<int>(p)).AsUInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<short>> Columns(sbyte* p) => Signed(Vector256.Load((short*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Pair<Vector256<short>> a, Pair<Vector256<short>> b) =>
        sum + (Avx2.MultiplyAddAdjacent(a.Even, b.Even) + Avx2.MultiplyAddAdjacent(a.Odd, b.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Plus(Vector256<int> x, Vector256<int> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<short>> Quads(byte* p) => Unsigned(Vector256.Load((ushort*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<short>> Quad(sbyte* p) => Signed(Vector256.Create(Unsafe.ReadUnaligned<int>(p)).AsInt16());

    /// <summary>Bytes of A, widened.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<short>> Unsigned(Vector256<ushort> x) => new((x & Vector256.Create((ushort)0xFF)).AsInt16(), (x >> 8).AsInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Pair<Vector256<short>> Signed(Vector256<short> x) => new((x << 8) >> 8, x >> 8);
}

/// <summary>
/// sdot, which takes signed codes only: 128 less on the left, and 2 · 64 times the codes on the right added back. The second sum is the same
/// for every row; it costs less than widening.
/// </summary>
internal readonly unsafe struct DotArm : IQuadDot<Pair<Vector128<int>>, Vector128<sbyte>, Vector128<sbyte>>
{
    public static int Lanes => 4;

    public static bool SixRows => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<int>> Load(int* p) => new(Vector128.Load(p), Vector128<int>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Pair<Vector128<int>> x, int* p) => (x.Even + x.Odd + x.Odd).Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Row(byte* p) => (Vector128.Create(Unsafe.ReadUnaligned<int>(p)).AsByte() ^ Vector128.Create((byte)0x80)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Columns(sbyte* p) => Vector128.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<int>> Add(Pair<Vector128<int>> sum, Vector128<sbyte> a, Vector128<sbyte> b) =>
        new(Dp.DotProduct(sum.Even, a, b), Dp.DotProduct(sum.Odd, Vector128.Create((sbyte)64), b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<int>> Plus(Pair<Vector128<int>> x, Pair<Vector128<int>> y) => new(x.Even + y.Even, x.Odd + y.Odd);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quads(byte* p) => (Vector128.Load(p) ^ Vector128.Create((byte)0x80)).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Quad(sbyte* p) => Vector128.Create(Unsafe.ReadUnaligned<int>(p)).AsSByte();
}
