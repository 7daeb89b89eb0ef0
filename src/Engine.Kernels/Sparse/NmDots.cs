using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Quads of activations gathered by positions and multiplied by kept values: what <see cref="NmPanels"/> is written with.</summary>
/// <typeparam name="TSum">Sums, a lane a column.</typeparam>
/// <typeparam name="TBytes">Four bytes a lane.</typeparam>
/// <typeparam name="TValues">Four kept values a lane, made ready once for all rows.</typeparam>
internal unsafe interface INmDot<TSum, TBytes, TValues> where TSum : unmanaged where TBytes : unmanaged where TValues : unmanaged
{
    /// <summary>Columns of a vector.</summary>
    static abstract int Lanes { get; }

    /// <summary>Whether the sums of eight rows and two vectors of columns fit the registers beside the operands.</summary>
    static abstract bool EightRows { get; }

    /// <summary>Whether sums are off by those of a row of zeros: <see cref="NmPanels"/> takes them off.</summary>
    static abstract bool IsTurned { get; }

    static abstract TSum Load(int* p);

    static abstract void Store(TSum x, int* p);

    static abstract TSum Plus(TSum x, TSum y);

    static abstract TSum Minus(TSum x, TSum y);

    /// <summary>The same four bytes in every lane.</summary>
    static abstract TBytes Fill(uint bytes);

    static abstract TBytes Bytes(byte* p);

    static abstract TValues Values(byte* p);

    /// <summary>Positions of the next field.</summary>
    static abstract TBytes Next(TBytes positions, int bits);

    /// <summary>What the shuffle takes: positions in the window, for the values at <paramref name="values"/>.</summary>
    static abstract TBytes Control(TBytes positions, TBytes mask, TBytes offsets, byte* values);

    /// <summary>Eight bytes of A, repeated, or sixteen.</summary>
    static abstract TBytes Window8(byte* p);

    static abstract TBytes Window16(byte* p);

    static abstract TSum Add(TSum sum, TBytes window, TBytes control, TValues values);

    /// <summary>Fetches what is read later; nothing where <paramref name="p"/> is no memory.</summary>
    static abstract void Prefetch(byte* p);
}

/// <summary>vpdpbusd of 256 bits.</summary>
internal readonly unsafe struct NmAvxVnni : INmDot<Vector256<int>, Vector256<byte>, Vector256<sbyte>>
{
    public static int Lanes => 8;

    public static bool EightRows => Avx512BW.VL.IsSupported;

    public static bool IsTurned => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(int* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> x, int* p) => x.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Plus(Vector256<int> x, Vector256<int> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Minus(Vector256<int> x, Vector256<int> y) => x - y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Fill(uint bytes) => Vector256.Create(bytes).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Bytes(byte* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Values(byte* p) => Vector256.Load((sbyte*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Next(Vector256<byte> positions, int bits) => (positions.AsUInt32() >> bits).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Control(Vector256<byte> positions, Vector256<byte> mask, Vector256<byte> offsets, byte* values) => (positions & mask) | offsets;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Window8(byte* p) => Vector256.Create(*(ulong*)p).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Window16(byte* p) => Avx2.BroadcastVector128ToVector256(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> window, Vector256<byte> control, Vector256<sbyte> values) =>
        AvxVnni.MultiplyWideningAndAdd(sum, Avx2.Shuffle(window, control), values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* p) => Sse.Prefetch0(p);
}

/// <summary>vpmaddwd of 256 bits on even and on odd bytes: vpmaddubsw saturates.</summary>
internal readonly unsafe struct NmAvx2 : INmDot<Vector256<int>, Vector256<byte>, Pair<Vector256<short>>>
{
    public static int Lanes => 8;

    public static bool EightRows => false;

    public static bool IsTurned => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Load(int* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<int> x, int* p) => x.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Plus(Vector256<int> x, Vector256<int> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Minus(Vector256<int> x, Vector256<int> y) => x - y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Fill(uint bytes) => Vector256.Create(bytes).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Bytes(byte* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<short>> Values(byte* p) => DotAvx2.Columns((sbyte*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Next(Vector256<byte> positions, int bits) => (positions.AsUInt32() >> bits).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Control(Vector256<byte> positions, Vector256<byte> mask, Vector256<byte> offsets, byte* values) => (positions & mask) | offsets;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Window8(byte* p) => Vector256.Create(*(ulong*)p).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Window16(byte* p) => Avx2.BroadcastVector128ToVector256(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> window, Vector256<byte> control, Pair<Vector256<short>> values)
    {
        var x = Avx2.Shuffle(window, control).AsUInt16();
        return sum + (Avx2.MultiplyAddAdjacent((x & Vector256.Create((ushort)0xFF)).AsInt16(), values.Even) + Avx2.MultiplyAddAdjacent((x >> 8).AsInt16(), values.Odd));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* p) => Sse.Prefetch0(p);
}

/// <summary>The same in 512 bits.</summary>
internal readonly unsafe struct NmAvx512 : INmDot<Vector512<int>, Vector512<byte>, Pair<Vector512<short>>>
{
    public static int Lanes => 16;

    public static bool EightRows => true;

    public static bool IsTurned => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Load(int* p) => Vector512.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<int> x, int* p) => x.Store(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Plus(Vector512<int> x, Vector512<int> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Minus(Vector512<int> x, Vector512<int> y) => x - y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Fill(uint bytes) => Vector512.Create(bytes).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Bytes(byte* p) => Vector512.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<short>> Values(byte* p) => DotAvx512.Columns((sbyte*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Next(Vector512<byte> positions, int bits) => (positions.AsUInt32() >> bits).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Control(Vector512<byte> positions, Vector512<byte> mask, Vector512<byte> offsets, byte* values) => (positions & mask) | offsets;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Window8(byte* p) => Vector512.Create(*(ulong*)p).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Window16(byte* p) => Avx512F.BroadcastVector128ToVector512((uint*)p).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Add(Vector512<int> sum, Vector512<byte> window, Vector512<byte> control, Pair<Vector512<short>> values)
    {
        var x = Avx512BW.Shuffle(window, control).AsUInt16();
        return sum + (Avx512BW.MultiplyAddAdjacent((x & Vector512.Create((ushort)0xFF)).AsInt16(), values.Even) + Avx512BW.MultiplyAddAdjacent((x >> 8).AsInt16(), values.Odd));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* p) => Sse.Prefetch0(p);
}

/// <summary>sdot, which takes signed codes only; see <see cref="DotArm"/>.</summary>
internal readonly unsafe struct NmArm : INmDot<Pair<Vector128<int>>, Vector128<byte>, Vector128<sbyte>>
{
    public static int Lanes => 4;

    public static bool EightRows => false;

    public static bool IsTurned => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<int>> Load(int* p) => DotArm.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Pair<Vector128<int>> x, int* p) => DotArm.Store(x, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<int>> Plus(Pair<Vector128<int>> x, Pair<Vector128<int>> y) => DotArm.Plus(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<int>> Minus(Pair<Vector128<int>> x, Pair<Vector128<int>> y) => new(x.Even - y.Even, x.Odd - y.Odd);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Fill(uint bytes) => Vector128.Create(bytes).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Bytes(byte* p) => Vector128.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Values(byte* p) => Vector128.Load((sbyte*)p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Next(Vector128<byte> positions, int bits) => (positions.AsUInt32() >> bits).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Control(Vector128<byte> positions, Vector128<byte> mask, Vector128<byte> offsets, byte* values) => (positions & mask) | offsets;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Window8(byte* p) => Vector128.Create(Unsafe.ReadUnaligned<ulong>(p) ^ 0x8080808080808080).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Window16(byte* p) => Vector128.Load(p) ^ Vector128.Create((byte)0x80);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<int>> Add(Pair<Vector128<int>> sum, Vector128<byte> window, Vector128<byte> control, Vector128<sbyte> values) =>
        DotArm.Add(sum, AdvSimd.Arm64.VectorTableLookup(window, control).AsSByte(), values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* p) { }
}
