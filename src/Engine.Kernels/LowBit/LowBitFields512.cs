using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Kernels;

/// <summary>Codes of a <see cref="LowBitLayout"/> block as bytes, 16 rows by four columns a vector; a struct of constants, so that they stay in registers.</summary>
internal unsafe interface ILowBitFields512<TSelf> where TSelf : struct, ILowBitFields512<TSelf>
{
    /// <summary>The constants.</summary>
    static abstract TSelf Create();

    /// <summary>Bits a code.</summary>
    static abstract int Bits { get; }

    /// <summary>True when <see cref="High"/> holds more bits, worth 16 times as much.</summary>
    static abstract bool IsWide { get; }

    /// <summary>Low bits, at most 15, of columns [4 · quad, 4 · quad + 4) and rows 16 · half and on.</summary>
    Vector512<byte> Low(byte* block, int half, int quad, int quads);

    /// <summary>High bits likewise.</summary>
    Vector512<byte> High(byte* block, int half, int quad, int quads);
}

/// <summary>One field of every byte by one instruction where the CPU has it: the bits from <c>shift</c> on.</summary>
internal static class ByteFields
{
    /// <summary>(x ≫ shift) &amp; (2^bits − 1), as the matrix of a product over GF(2).</summary>
    public static Vector512<byte> Matrix(int shift, int bits)
    {
        ulong rows = 0;
        for (int i = 0; i < bits; i++) rows |= 1ul << (8 * (7 - i) + shift + i);
        return Vector512.Create(rows).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<byte> Extract(Vector512<byte> x, int shift, Vector512<byte> mask, Vector512<byte> matrix) =>
        shift == 0 ? x & mask
        : Gfni.V512.IsSupported ? Gfni.V512.GaloisFieldAffineTransform(x, matrix, 0)
        : Vector512.ShiftRightLogical(x.AsUInt16(), shift).AsByte() & mask;
}

internal readonly unsafe struct Fields4 : ILowBitFields512<Fields4>
{
    private readonly Vector512<byte> _mask, _high;

    private Fields4(bool _) => (_mask, _high) = (Vector512.Create((byte)15), ByteFields.Matrix(4, 4));

    public static Fields4 Create() => new(true);

    public static int Bits => 4;

    public static bool IsWide => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<byte> Low(byte* block, int half, int quad, int quads) => ByteFields.Extract(Vector512.Load(block + 64 * (quad / 2 * 2 + half)), quad % 2 * 4, _mask, _high);

    public Vector512<byte> High(byte* block, int half, int quad, int quads) => default;
}

internal readonly unsafe struct Fields8 : ILowBitFields512<Fields8>
{
    private readonly Fields4 _plane;

    private Fields8(bool _) => _plane = Fields4.Create();

    public static Fields8 Create() => new(true);

    public static int Bits => 8;

    public static bool IsWide => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<byte> Low(byte* block, int half, int quad, int quads) => _plane.Low(block, half, quad, quads);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<byte> High(byte* block, int half, int quad, int quads) => _plane.Low(block + 64 * quads, half, quad, quads);
}

internal readonly unsafe struct Fields2 : ILowBitFields512<Fields2>
{
    private readonly Vector512<byte> _mask, _second, _third, _fourth;

    private Fields2(bool _) => (_mask, _second, _third, _fourth) = (Vector512.Create((byte)3), ByteFields.Matrix(2, 2), ByteFields.Matrix(4, 2), ByteFields.Matrix(6, 2));

    public static Fields2 Create() => new(true);

    public static int Bits => 2;

    public static bool IsWide => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<byte> Low(byte* block, int half, int quad, int quads) =>
        ByteFields.Extract(Vector512.Load(block + 64 * (quad / 4 * 2 + half)), quad % 4 * 2, _mask, (quad % 4) switch { 1 => _second, 2 => _third, _ => _fourth });

    public Vector512<byte> High(byte* block, int half, int quad, int quads) => default;
}

internal readonly unsafe struct Fields3 : ILowBitFields512<Fields3>
{
    private readonly Fields2 _low;

    private Fields3(bool _) => _low = Fields2.Create();

    public static Fields3 Create() => new(true);

    public static int Bits => 3;

    public static bool IsWide => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<byte> Low(byte* block, int half, int quad, int quads) => _low.Low(block, half, quad, quads) | Third(Vector512.Load(block + 32 * quads + 64 * half), quad);

    public Vector512<byte> High(byte* block, int half, int quad, int quads) => default;

    // Bit quad moved to bit 2.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Third(Vector512<byte> x, int quad) =>
        Gfni.V512.IsSupported ? Gfni.V512.GaloisFieldAffineTransform(x, Vector512.Create(1ul << (40 + quad)).AsByte(), 0)
        : (quad < 2 ? Vector512.ShiftLeft(x.AsUInt16(), 2 - quad) : Vector512.ShiftRightLogical(x.AsUInt16(), quad - 2)).AsByte() & Vector512.Create((byte)4);
}
