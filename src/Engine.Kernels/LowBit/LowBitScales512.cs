using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>A group's parameters of 16 rows as vectors; the code that differs by <see cref="LowBitScales"/>.</summary>
internal unsafe interface ILowBitScales512
{
    /// <summary>Bytes of a group's parameters.</summary>
    static abstract int Bytes { get; }

    /// <summary>True when there are zero points.</summary>
    static abstract bool HasZeros { get; }

    /// <summary>True when there are minima.</summary>
    static abstract bool HasMinima { get; }

    /// <summary>True when groups have scales; else rows have.</summary>
    static abstract bool HasScales { get; }

    /// <summary>Scales of rows 16 · half and on.</summary>
    static abstract Vector512<float> Scale(byte* group, int half);

    /// <summary>Zero points or minima likewise.</summary>
    static abstract Vector512<float> Offset(byte* group, int half);
}

/// <summary>f16 to f32 by integer instructions: exact, subnormals included, for finite values.</summary>
internal static unsafe class HalfScales
{
    private const float TwoTo112 = 5.192296858534828e33f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load128(byte* p) =>
        (Vector128.ShiftLeft(Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)p).AsInt16()), 13) & Vector128.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector128.Create(TwoTo112);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load256(byte* p) =>
        (Vector256.ShiftLeft(Avx2.ConvertToVector256Int32(Vector128.Load((short*)p)), 13) & Vector256.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector256.Create(TwoTo112);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load512(byte* p) =>
        (Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(Vector256.Load((short*)p)), 13) & Vector512.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector512.Create(TwoTo112);
}

internal readonly unsafe struct RowScales512 : ILowBitScales512
{
    public static int Bytes => 0;

    public static bool HasZeros => false;

    public static bool HasMinima => false;

    public static bool HasScales => false;

    public static Vector512<float> Scale(byte* group, int half) => default;

    public static Vector512<float> Offset(byte* group, int half) => default;
}

internal readonly unsafe struct F16Scales512 : ILowBitScales512
{
    public static int Bytes => 64;

    public static bool HasZeros => false;

    public static bool HasMinima => false;

    public static bool HasScales => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(byte* group, int half) => HalfScales.Load512(group + 32 * half);

    public static Vector512<float> Offset(byte* group, int half) => default;
}

internal readonly unsafe struct F32Scales512 : ILowBitScales512
{
    public static int Bytes => 128;

    public static bool HasZeros => false;

    public static bool HasMinima => false;

    public static bool HasScales => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(byte* group, int half) => Vector512.Load((float*)group + 16 * half);

    public static Vector512<float> Offset(byte* group, int half) => default;
}

internal readonly unsafe struct F16Zeros512 : ILowBitScales512
{
    public static int Bytes => 128;

    public static bool HasZeros => true;

    public static bool HasMinima => false;

    public static bool HasScales => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(byte* group, int half) => HalfScales.Load512(group + 32 * half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Offset(byte* group, int half) => Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(group + 64 + 16 * half)));
}

internal readonly unsafe struct F32Zeros512 : ILowBitScales512
{
    public static int Bytes => 256;

    public static bool HasZeros => true;

    public static bool HasMinima => false;

    public static bool HasScales => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(byte* group, int half) => Vector512.Load((float*)group + 16 * half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Offset(byte* group, int half) => Vector512.Load((float*)group + 32 + 16 * half);
}

internal readonly unsafe struct F16Minima512 : ILowBitScales512
{
    public static int Bytes => 128;

    public static bool HasZeros => false;

    public static bool HasMinima => true;

    public static bool HasScales => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(byte* group, int half) => HalfScales.Load512(group + 32 * half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Offset(byte* group, int half) => HalfScales.Load512(group + 64 + 32 * half);
}

internal readonly unsafe struct F32Minima512 : ILowBitScales512
{
    public static int Bytes => 256;

    public static bool HasZeros => false;

    public static bool HasMinima => true;

    public static bool HasScales => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scale(byte* group, int half) => F32Zeros512.Scale(group, half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Offset(byte* group, int half) => F32Zeros512.Offset(group, half);
}
