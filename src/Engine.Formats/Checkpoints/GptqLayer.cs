using System.Runtime.InteropServices;
using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Formats.Checkpoints;

/// <summary>
/// A layer as AutoGPTQ and its successors store it: codes of 2, 3, 4 or 8 bits.
/// <para>qweight i32 [K·bits/32, N]: a column is a stream of codes along K, low bits first; qzeros i32 [groups, N·bits/32]: a row is a stream of zero points
/// along N, each less one in version 1 of the layout; scales [groups, N]; g_idx i32 [K], the group of each input, where they are not in order (act-order).</para>
/// <para>It becomes Quantized [N, K], inside Permuted where inputs are sorted by group.</para>
/// </summary>
internal static class GptqLayer
{
    public static Weight Read(LayerTensors layer, bool v2, DType dtype)
    {
        Tensor words = layer.ReadMatrix(".qweight", DType.I32), zeroWords = layer.ReadMatrix(".qzeros", DType.I32), scales = layer.ReadScales(".scales");
        layer.Require(scales.Shape.Rank == 2, $"'.scales' has shape {scales.Shape}, expected a matrix");
        int rows = words.Shape.Int(1), groups = scales.Shape.Int(0);
        layer.Require(rows > 0 && groups > 0 && scales.Shape[1] == rows && zeroWords.Shape[0] == groups, $"qweight {words.Shape}, qzeros {zeroWords.Shape} and scales {scales.Shape} do not fit each other");
        int bits = (int)Math.Min(32, Checked.Mul(zeroWords.Shape[1], 32) / rows);
        layer.Require(bits is 2 or 3 or 4 or 8 && Checked.Mul(zeroWords.Shape[1], 32) == Checked.Mul(rows, bits), $"qzeros {zeroWords.Shape} are no codes of 2, 3, 4 or 8 bits for {rows} outputs");
        layer.Require(Checked.Mul(words.Shape[0], 32) % bits == 0, $"qweight {words.Shape} holds no whole codes of {bits} bits");
        int columns = Checked.Int(Checked.Mul(words.Shape[0], 32) / bits), size;
        layer.Require(columns > 0, "there are no inputs");
        int[]? order = null;
        if (layer.Has(".g_idx"))
        {
            var index = layer.Read(".g_idx", DType.I32);
            layer.Require(index.Shape.Elements == columns, $"'.g_idx' has {index.Shape.Elements} entries for {columns} inputs");
            order = CodeMatrix.Order(layer, index.Span<int>(), groups, out size);
        }
        else
        {
            layer.Require(columns % groups == 0, $"{columns} inputs do not divide into {groups} groups, and there is no '.g_idx'");
            size = columns / groups;
        }
        var codes = CodeMatrix.Pack(layer, rows, columns, bits, order, (first, count, to) => Unpack(words, bits, columns, first, count, to));
        var zeros = Zeros(layer, zeroWords, bits, rows, v2);
        var w = groups == 1
            ? new Quantized(new Shape(rows, columns), bits, codes, Granularity.Channel, new Dense(scales.Reshape(new Shape(rows))), CodeMatrix.Zeros(zeros, bits), dtype: dtype)
            : new Quantized(new Shape(rows, columns), bits, codes, Granularity.Group, new Dense(CodeMatrix.Transpose(layer, scales)), CodeMatrix.Zeros(zeros, bits), axis: 1, group: size, dtype: dtype);
        return CodeMatrix.Ordered(w, order);
    }

    // Columns of words → rows of codes. Three-bit codes cross from word to word.
    private static void Unpack(Tensor words, int bits, int columns, int first, int count, Span<byte> to)
    {
        var w = words.Words();
        int stride = words.Shape.Int(1);
        uint mask = (1u << bits) - 1;
        for (int k = 0; k < columns; k++)
        {
            int bit = k * bits, at = bit / 32 * stride + first, shift = bit % 32;
            for (int n = 0; n < count; n++)
            {
                uint v = w[at + n] >> shift;
                if (shift + bits > 32) v |= w[at + stride + n] << (32 - shift);
                to[n * columns + k] = (byte)(v & mask);
            }
        }
        GC.KeepAlive(words);
    }

    private static Tensor Zeros(LayerTensors layer, Tensor words, int bits, int rows, bool v2)
    {
        int groups = words.Shape.Int(0);
        layer.Take(Checked.Mul(rows, groups));
        var zeros = Tensor.Allocate(DType.U8, groups == 1 ? new Shape(rows) : new Shape(rows, groups));
        var z = zeros.Bytes;
        var stream = MemoryMarshal.AsBytes(words.Words());
        for (int g = 0; g < groups; g++)
            for (int n = 0; n < rows; n++)
            {
                int v = BitStream.Get(stream, (long)g * rows + n, bits) + (v2 ? 0 : 1);
                // 8-bit zero points wrap: a byte holds them.
                z[n * groups + g] = (byte)v;
            }
        GC.KeepAlive(words);
        return zeros;
    }
}
