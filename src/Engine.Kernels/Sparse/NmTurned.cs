using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// vpmaddubsw of 256 bits, |w| on its unsigned side: where w is negative the shuffle takes ~a from the other half of the window. With a as a signed
/// code, in [−128, 127], and |w| ≤ 128, sums of two lie in [−32768, 32512]: they never saturate. A negative w is off by |w|, and a by 128, whatever a is.
/// </summary>
internal readonly unsafe struct NmTurned256 : INmDot<Vector256<int>, Vector256<byte>, Vector256<byte>>
{
    public static int Lanes => 8;

    public static bool EightRows => Avx512BW.VL.IsSupported;

    public static bool IsTurned => true;

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
    public static Vector256<byte> Values(byte* p) => Avx2.Abs(Vector256.Load((sbyte*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Next(Vector256<byte> positions, int bits) => (positions.AsUInt32() >> bits).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Control(Vector256<byte> positions, Vector256<byte> mask, Vector256<byte> offsets, byte* values) =>
        (positions & mask) | offsets | ((Vector256.Load((uint*)values) >> 4).AsByte() & Vector256.Create((byte)8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Window8(byte* p) => Vector256.Create(*(ulong*)p).AsByte() ^ Vector256.Create(0x8080808080808080, 0x7f7f7f7f7f7f7f7f, 0x8080808080808080, 0x7f7f7f7f7f7f7f7f).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Window16(byte* p) => throw new NotSupportedException();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Add(Vector256<int> sum, Vector256<byte> window, Vector256<byte> control, Vector256<byte> values) =>
        sum + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(values, Avx2.Shuffle(window, control).AsSByte()), Vector256.Create((short)1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* p) => Sse.Prefetch0(p);
}

/// <summary>
/// vpmaddubsw of 512 bits, |w| on its unsigned side: where w is negative the shuffle takes ~a from the other half of the window. With a as a signed
/// code, in [−128, 127], and |w| ≤ 128, sums of two lie in [−32768, 32512]: they never saturate. A negative w is off by |w|, and a by 128, whatever a is.
/// </summary>
internal readonly unsafe struct NmTurned512 : INmDot<Vector512<int>, Vector512<byte>, Vector512<byte>>
{
    public static int Lanes => 16;

    public static bool EightRows => true;

    public static bool IsTurned => true;

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
    public static Vector512<byte> Values(byte* p) => Avx512BW.Abs(Vector512.Load((sbyte*)p));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Next(Vector512<byte> positions, int bits) => (positions.AsUInt32() >> bits).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Control(Vector512<byte> positions, Vector512<byte> mask, Vector512<byte> offsets, byte* values) =>
        (positions & mask) | offsets | ((Vector512.Load((uint*)values) >> 4).AsByte() & Vector512.Create((byte)8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Window8(byte* p) => Vector512.Create(*(ulong*)p).AsByte() ^ Vector512.Create(0x8080808080808080, 0x7f7f7f7f7f7f7f7f, 0x8080808080808080, 0x7f7f7f7f7f7f7f7f, 0x8080808080808080, 0x7f7f7f7f7f7f7f7f, 0x8080808080808080, 0x7f7f7f7f7f7f7f7f).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Window16(byte* p) => throw new NotSupportedException();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> Add(Vector512<int> sum, Vector512<byte> window, Vector512<byte> control, Vector512<byte> values) =>
        sum + Avx512BW.MultiplyAddAdjacent(Avx512BW.MultiplyAddAdjacent(values, Avx512BW.Shuffle(window, control).AsSByte()), Vector512.Create((short)1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* p) => Sse.Prefetch0(p);
}
