using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>
/// Four products u8 · s8 a lane, added to sums of 32 bits, exactly: what instruction sets do in one step or in several. Quads of A are made
/// ready once a row, those of B once a vector of columns.
/// </summary>
/// <typeparam name="TSum">Sums, a lane a column.</typeparam>
/// <typeparam name="TA">Four bytes of A, in every lane.</typeparam>
/// <typeparam name="TB">Four bytes of B a lane.</typeparam>
internal unsafe interface ICodeDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
{
    /// <summary>Columns of a vector.</summary>
    static abstract int Lanes { get; }

    static abstract TSum Load(int* p);

    static abstract void Store(TSum x, int* p);

    static abstract TA Row(byte* p);

    static abstract TB Columns(sbyte* p);

    static abstract TSum Add(TSum sum, TA a, TB b);
}

/// <summary>vpdpbusd of 256 bits.</summary>
internal readonly unsafe struct DotAvxVnni : ICodeDot<Vector256<int>, Vector256<byte>, Vector256<sbyte>>
{
    public static int Lanes => 8;

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
}
