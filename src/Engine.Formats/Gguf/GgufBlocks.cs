using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Formats.Gguf;

/// <summary>
/// Blocks of GGUF types as <see cref="Quantized"/> weights. Codes are put in row-major order; scales and minima stay the numbers of the
/// file, two-level ones as <see cref="Quantized"/> scales, so that each value is the product and sum that ggml computes: with at most
/// 24 significant bits before the one addition, it is the same f32 whatever the order.
/// </summary>
internal static partial class GgufBlocks
{
    /// <summary>Puts the codes of one block in order.</summary>
    private delegate void Unpack(ReadOnlySpan<byte> block, Span<byte> codes);

    /// <summary>Puts the codes, scale codes and codes of minima of one block of 256 in order.</summary>
    private delegate void UnpackK(ReadOnlySpan<byte> block, Span<byte> codes, Span<byte> scales, Span<byte> minima);

    public static bool Reads(GgufType t) => t is GgufType.Q4_0 or GgufType.Q4_1 or GgufType.Q5_0 or GgufType.Q5_1 or GgufType.Q8_0 or GgufType.IQ4_NL or GgufType.MXFP4
        or GgufType.Q2_K or GgufType.Q3_K or GgufType.Q4_K or GgufType.Q5_K or GgufType.Q6_K or GgufType.IQ4_XS or GgufType.TQ1_0 or GgufType.TQ2_0;

    public static Quantized Read(GgufType type, Shape shape, ReadOnlySpan<byte> data) => type switch
    {
        GgufType.Q4_0 => Plain(type, shape, data, 4, 0, Nibbles, 2),
        GgufType.Q4_1 => Plain(type, shape, data, 4, 0, Nibbles, 4, minimumAt: 2),
        GgufType.Q5_0 => Plain(type, shape, data, 5, 0, FiveBits, 2),
        GgufType.Q5_1 => Plain(type, shape, data, 5, 0, FiveBits, 4, minimumAt: 2),
        GgufType.Q8_0 => Plain(type, shape, data, 8, 0, Bytes, 2, signed: true),
        GgufType.IQ4_NL => Plain(type, shape, data, 4, 0, Nibbles, 2, table: UnevenTable()),
        GgufType.TQ1_0 => Plain(type, shape, data, 2, 52, FiveTrits, 0, zero: 1),
        GgufType.TQ2_0 => Plain(type, shape, data, 2, 64, Trits, 0, zero: 1),
        GgufType.MXFP4 => Microscaling(shape, data),
        GgufType.Q2_K => TwoLevel(type, shape, data, new(2, 16, 4, 80, 82), TwoBitsK),
        GgufType.Q3_K => TwoLevel(type, shape, data, new(3, 16, 6, 108), ThreeBitsK),
        GgufType.Q4_K => TwoLevel(type, shape, data, new(4, 32, 6, 0, 2), FourBitsK),
        GgufType.Q5_K => TwoLevel(type, shape, data, new(5, 32, 6, 0, 2), FiveBitsK),
        GgufType.Q6_K => TwoLevel(type, shape, data, new(6, 16, 8, 208), SixBitsK),
        GgufType.IQ4_XS => TwoLevel(type, shape, data, new(4, 32, 6, 0), UnevenFourBitsK, UnevenTable()),
        _ => throw new UnsupportedException($"GGUF type {type} is not read"),
    };

    /// <summary>The values that the codes of IQ4_NL and IQ4_XS stand for.</summary>
    private static Tensor UnevenTable() => Tensor.Vector<float>(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    // Blocks with one f16 scale, and perhaps one f16 minimum.
    private static Quantized Plain(GgufType type, Shape shape, ReadOnlySpan<byte> data, int bits, int scaleAt, Unpack unpack, int codesAt, int minimumAt = -1, bool signed = false, Tensor? table = null, int? zero = null)
    {
        int elements = type.BlockElements(), bytes = type.BlockBytes(), blocks = data.Length / bytes;
        Tensor codes = Stream(shape, bits), scales = Halves(data, bytes, scaleAt);
        var stream = codes.Bytes;
        Span<byte> q = stackalloc byte[256];
        q = q[..elements];
        for (int b = 0; b < blocks; b++)
        {
            unpack(data.Slice(b * bytes + codesAt, bytes - codesAt), q);
            BitStream.Pack(q, stream[(b * (elements * bits / 8))..], bits);
        }
        return new(shape, bits, codes, Granularity.Group, new Dense(scales), zero is { } z ? new Dense(Tensor.Vector((byte)z)) : null, signed, axis: -1, group: elements, table: table,
            minimum: minimumAt < 0 ? null : new Dense(Halves(data, bytes, minimumAt)));
    }

    private static Quantized Microscaling(Shape shape, ReadOnlySpan<byte> data)
    {
        int bytes = GgufType.MXFP4.BlockBytes(), blocks = data.Length / bytes;
        Tensor codes = Stream(shape, 4), scales = Tensor.Allocate(DType.U8, new Shape(blocks));
        var stream = codes.Bytes;
        Span<byte> q = stackalloc byte[32];
        for (int b = 0; b < blocks; b++)
        {
            scales.Bytes[b] = data[b * bytes];
            Nibbles(data.Slice(b * bytes + 1, 16), q);
            // ggml reads the negative zero of E2M1 as zero.
            q.Replace((byte)8, (byte)0);
            BitStream.Pack(q, stream[(b * 16)..], 4);
        }
        return new(shape, 4, codes, Granularity.Group, new PowersOfTwo(scales), axis: -1, group: 32, table: CodeTable.E2M1);
    }

    /// <summary>Where a block of 256 keeps its f16 scale of scales, and of minima (−1 where it has none).</summary>
    private readonly record struct LayoutK(int Bits, int Group, int ScaleBits, int ScaleAt, int MinimumAt = -1);

    // Blocks of 256 whose groups have integer scales, and perhaps minima, under one f16 each.
    private static Quantized TwoLevel(GgufType type, Shape shape, ReadOnlySpan<byte> data, LayoutK k, UnpackK unpack, Tensor? table = null)
    {
        int bytes = type.BlockBytes(), blocks = data.Length / bytes, groups = 256 / k.Group;
        bool minimum = k.MinimumAt >= 0;
        var shared = new Shape(blocks, groups);
        Tensor codes = Stream(shape, k.Bits), scales = Stream(shared, k.ScaleBits), minima = Stream(minimum ? shared : new Shape(0), k.ScaleBits);
        Span<byte> to = codes.Bytes, scalesTo = scales.Bytes, minimaTo = minima.Bytes;
        Span<byte> q = stackalloc byte[256], s = stackalloc byte[16], m = stackalloc byte[16];
        s = s[..groups];
        m = m[..groups];
        for (int b = 0; b < blocks; b++)
        {
            unpack(data.Slice(b * bytes, bytes), q, s, m);
            BitStream.Pack(q, to[(b * (32 * k.Bits))..], k.Bits);
            BitStream.Pack(s, scalesTo[(b * (groups * k.ScaleBits / 8))..], k.ScaleBits);
            if (minimum) BitStream.Pack(m, minimaTo[(b * (groups * k.ScaleBits / 8))..], k.ScaleBits);
        }
        // Scale codes beside minima count from 0; six-bit ones alone stand around 32; those of eight bits are signed.
        var zero = minimum ? new Dense(Tensor.Vector((byte)0)) : null;
        var scale = new Quantized(shared, k.ScaleBits, scales, Granularity.Channel, new Dense(Halves(data, bytes, k.ScaleAt)), zero, signed: k.ScaleBits == 8);
        var offset = minimum ? new Quantized(shared, k.ScaleBits, minima, Granularity.Channel, new Dense(Halves(data, bytes, k.MinimumAt, negate: true)), zero) : null;
        return new(shape, k.Bits, codes, Granularity.Group, scale, axis: -1, group: k.Group, table: table, minimum: offset);
    }

    private static Tensor Stream(Shape codes, int bits) => Tensor.Allocate(DType.U8, new Shape(BitStream.Bytes(codes.Elements, bits)));

    // One f16 of every block.
    private static Tensor Halves(ReadOnlySpan<byte> data, int blockBytes, int at, bool negate = false)
    {
        var y = Tensor.Allocate(DType.F16, new Shape(data.Length / blockBytes));
        var bits = MemoryMarshal.Cast<byte, ushort>(y.Bytes);
        int sign = negate ? 0x8000 : 0;
        for (int b = 0; b < bits.Length; b++) bits[b] = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(data[(b * blockBytes + at)..]) ^ sign);
        return y;
    }
}
