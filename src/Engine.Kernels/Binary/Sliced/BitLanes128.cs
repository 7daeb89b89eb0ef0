using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>128 bits.</summary>
internal unsafe struct BitLanes128 : IBitLanes<Vector128<ulong>>
{
    public static int Bytes => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Load(byte* x) => Vector128.Load((ulong*)x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<ulong> v, byte* y) => v.Store((ulong*)y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Of(uint bits) => Vector128.Create(bits).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> And(Vector128<ulong> a, Vector128<ulong> b) => a & b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> NotAnd(Vector128<ulong> a, Vector128<ulong> b) => Vector128.AndNot(b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Xor(Vector128<ulong> a, Vector128<ulong> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Xor(Vector128<ulong> a, Vector128<ulong> b, Vector128<ulong> c) => a ^ b ^ c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Carry(Vector128<ulong> a, Vector128<ulong> b, Vector128<ulong> c) => ((a ^ b) & (a ^ c)) ^ a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Borrow(Vector128<ulong> a, Vector128<ulong> b, Vector128<ulong> c) => ((a ^ b) | (a ^ c)) ^ a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> CarryNot(Vector128<ulong> a, Vector128<ulong> b, Vector128<ulong> c) => ~((a ^ b) | (a ^ c)) ^ a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> XorAnd(Vector128<ulong> a, Vector128<ulong> b, Vector128<ulong> c) => a ^ (b & c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Right(Vector128<ulong> v, int count) => v >>> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Left(Vector128<ulong> v, int count) => v << count;
}
