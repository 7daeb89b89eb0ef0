using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>256 bits.</summary>
internal unsafe struct BitLanes256 : IBitLanes<Vector256<ulong>>
{
    public static int Bytes => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Load(byte* x) => Vector256.Load((ulong*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<ulong> v, byte* y) => v.Store((ulong*)y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Of(uint bits) => Vector256.Create(bits).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> And(Vector256<ulong> a, Vector256<ulong> b) => a & b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> NotAnd(Vector256<ulong> a, Vector256<ulong> b) => Vector256.AndNot(b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Xor(Vector256<ulong> a, Vector256<ulong> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Xor(Vector256<ulong> a, Vector256<ulong> b, Vector256<ulong> c) => a ^ b ^ c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Carry(Vector256<ulong> a, Vector256<ulong> b, Vector256<ulong> c) => ((a ^ b) & (a ^ c)) ^ a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Borrow(Vector256<ulong> a, Vector256<ulong> b, Vector256<ulong> c) => ((a ^ b) | (a ^ c)) ^ a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> CarryNot(Vector256<ulong> a, Vector256<ulong> b, Vector256<ulong> c) => ~((a ^ b) | (a ^ c)) ^ a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> XorAnd(Vector256<ulong> a, Vector256<ulong> b, Vector256<ulong> c) => a ^ (b & c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Right(Vector256<ulong> v, int count) => v >>> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Left(Vector256<ulong> v, int count) => v << count;
}
