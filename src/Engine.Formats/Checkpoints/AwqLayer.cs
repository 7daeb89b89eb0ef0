using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Formats.Checkpoints;

/// <summary>
/// A layer as AutoAWQ stores it for its GEMM kernel: 4-bit codes.
/// <para>qweight i32 [K, N/8] packed along N: nibble i of a word, low first, is output 8·word + (0, 2, 4, 6, 1, 3, 5, 7)[i]; qzeros i32 [groups, N/8] in the
/// same order, as they are; scales [groups, N].</para>
/// </summary>
internal static class AwqLayer
{
    private const int Bits = 4, PerWord = 8;

    private static ReadOnlySpan<byte> Output => [0, 2, 4, 6, 1, 3, 5, 7];

    /// <summary>True when qweight is packed along the outputs, which scales count.</summary>
    public static bool Fits(LayerTensors layer) =>
        !layer.Has(".g_idx") && layer.Has(".scales") && layer.Entry(".qweight").Shape is { Rank: 2 } w && layer.Entry(".scales").Shape is { Rank: 2 } s && s[1] != w[1] && s[1] == Checked.Mul(w[1], PerWord);

    public static Weight Read(LayerTensors layer, DType dtype)
    {
        Tensor words = layer.ReadMatrix(".qweight", DType.I32), zeroWords = layer.ReadMatrix(".qzeros", DType.I32), scales = layer.ReadScales(".scales");
        int columns = words.Shape.Int(0), rows = scales.Shape.Int(1), groups = scales.Shape.Int(0);
        layer.Require(groups > 0 && columns > 0 && columns % groups == 0, $"{columns} inputs do not divide into {groups} groups");
        layer.Require(zeroWords.Shape == new Shape(groups, rows / PerWord), $"qzeros {zeroWords.Shape} do not fit scales {scales.Shape}");
        var codes = CodeMatrix.Pack(layer, rows, columns, Bits, null, (first, count, to) => Unpack(words, first, count, to));
        layer.Take(Checked.Mul(rows, groups));
        var zeros = Tensor.Allocate(DType.U8, new Shape(rows, groups));
        Unpack(zeroWords, 0, rows, zeros.Bytes);
        return new Quantized(new Shape(rows, columns), Bits, codes, Granularity.Group, new Dense(CodeMatrix.Transpose(layer, scales)), CodeMatrix.Zeros(zeros, Bits), axis: 1, group: columns / groups, dtype: dtype);
    }

    // [columns, outputs / 8] words → outputs [first, first + count) × columns codes; first is a multiple of 8.
    private static void Unpack(Tensor words, int first, int count, Span<byte> to)
    {
        var w = words.Words();
        int columns = words.Shape.Int(0), stride = words.Shape.Int(1);
        for (int k = 0; k < columns; k++)
            for (int n = 0; n < count; n += PerWord)
            {
                uint word = w[k * stride + (first + n) / PerWord];
                for (int i = 0; i < PerWord; i++) to[(n + Output[i]) * columns + k] = (byte)(word >> Bits * i & 15);
            }
        GC.KeepAlive(words);
    }
}
