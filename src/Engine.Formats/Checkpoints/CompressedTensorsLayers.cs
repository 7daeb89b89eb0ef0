using Engine.Formats.Safetensors;
using Engine.Tensors;

namespace Engine.Formats.Checkpoints;

/// <summary>
/// pack-quantized of compressed-tensors: codes of 2, 4 or 8 bits.
/// <para>weight_packed i32 [N, ⌈K / codes a word⌉]: a row is a stream of codes, signed values plus 2^(bits−1), low bits first, filled up to a whole word;
/// weight_shape [N, K]; weight_scale [N, groups], [N, 1] or one; weight_zero_point, signed: i8 [N, groups], or i32 packed along N and stored likewise;
/// weight_g_idx i32 [K] with act-order.</para>
/// </summary>
internal static class PackQuantizedLayer
{
    public static Weight Read(LayerTensors layer, DType dtype)
    {
        var shape = layer.ReadShape(".weight_shape");
        var words = layer.ReadMatrix(".weight_packed", DType.I32);
        int rows = shape.Int(0), columns = shape.Int(1), perRow = words.Shape.Int(1), bits = 0;
        foreach (int b in (ReadOnlySpan<int>)[4, 8, 2])
            if (bits == 0 && Checked.CeilDiv(columns, 32 / b) == perRow) bits = b;
        layer.Require(words.Shape[0] == rows && bits > 0, $"weight_packed {words.Shape} holds no codes of 2, 4 or 8 bits for {shape}");
        var scales = layer.ReadScales(".weight_scale");
        int[]? order = null;
        int groups = ScaleGroups.Count(layer, scales, rows), size = 0;
        if (layer.Has(".weight_g_idx") && groups > 1)
        {
            var index = layer.Read(".weight_g_idx", DType.I32);
            layer.Require(index.Shape.Elements == columns, $"'.weight_g_idx' has {index.Shape.Elements} entries for {columns} inputs");
            order = CodeMatrix.Order(layer, index.Span<int>(), groups, out size);
        }
        var codes = CodeMatrix.Pack(layer, rows, columns, bits, order, (first, count, to) => Unpack(words, bits, columns, first, count, to));
        var zeros = layer.Has(".weight_zero_point") ? Zeros(layer, bits, scales.Shape.Elements == 1 ? 1 : rows, groups) : null;
        var w = ScaleGroups.Quantize(layer, shape, bits, codes, scales, zeros is null ? null : CodeMatrix.Zeros(zeros, bits), size, dtype, signed: false);
        return CodeMatrix.Ordered(w, order);
    }

    private static void Unpack(Tensor words, int bits, int columns, int first, int count, Span<byte> to)
    {
        int perRow = words.Shape.Int(1), perWord = 32 / bits;
        var w = words.Words();
        for (int n = 0; n < count; n++)
            for (int k = 0; k < columns; k++) to[n * columns + k] = (byte)(w[(first + n) * perRow + k / perWord] >> (k % perWord * bits) & (1u << bits) - 1);
        GC.KeepAlive(words);
    }

    // As unsigned numbers, as the codes are: both plus 2^(bits−1).
    private static Tensor Zeros(LayerTensors layer, int bits, int rows, int groups)
    {
        var stored = layer.Read(".weight_zero_point", DType.I8, DType.I32);
        layer.Take(Checked.Mul(rows, groups));
        var zeros = Tensor.Allocate(DType.U8, new Shape(rows, groups));
        var z = zeros.Bytes;
        if (stored.DType == DType.I8)
        {
            layer.Require(stored.Shape.Elements == z.Length, $"{stored.Shape.Elements} zero points, expected {z.Length}");
            var s = stored.Span<sbyte>();
            for (int i = 0; i < z.Length; i++) z[i] = (byte)(s[i] + (1 << (bits - 1)));
            return zeros;
        }
        int perWord = 32 / bits;
        layer.Require(stored.Shape == new Shape(Checked.CeilDiv(rows, perWord), groups), $"weight_zero_point {stored.Shape} does not hold {rows} x {groups} codes");
        var w = stored.Words();
        for (int n = 0; n < rows; n++)
            for (int g = 0; g < groups; g++) z[n * groups + g] = (byte)(w[n / perWord * groups + g] >> (n % perWord * bits) & (1u << bits) - 1);
        return zeros;
    }
}

/// <summary>int-quantized (naive-quantized) and float-quantized of compressed-tensors: weight i8 or f8_e4m3 [N, K], weight_scale [N, groups], [N, 1] or one, weight_zero_point i8 likewise.</summary>
internal static class NaiveQuantizedLayer
{
    public static Weight Read(LayerTensors layer, DType dtype)
    {
        Tensor codes = layer.ReadMatrix(".weight", DType.I8, DType.F8E4M3FN), scales = layer.ReadScales(".weight_scale");
        bool signed = codes.DType == DType.I8;
        var zeros = signed && layer.Has(".weight_zero_point") ? layer.Read(".weight_zero_point", DType.I8) : null;
        layer.Require(zeros is null || zeros.Shape.Elements == scales.Shape.Elements, $"{zeros?.Shape.Elements} zero points for {scales.Shape.Elements} scales");
        if (zeros?.Bytes.ContainsAnyExcept((byte)0) == false) zeros = null;
        return ScaleGroups.Quantize(layer, codes.Shape, 8, codes, scales, zeros is null ? null : new Dense(zeros), 0, dtype, signed, signed ? null : CodeTable.E4M3);
    }
}

/// <summary>Scales of compressed-tensors: [N, groups], [N, 1] or [N], or one.</summary>
internal static class ScaleGroups
{
    /// <summary>Groups a row.</summary>
    public static int Count(LayerTensors layer, Tensor scales, int rows)
    {
        if (scales.Shape.Elements == 1) return 1;
        layer.Require(scales.Shape.Rank is 1 or 2 && scales.Shape[0] == rows && scales.Shape.Elements > 0, $"scales of shape {scales.Shape} for {rows} outputs");
        return Checked.Int(scales.Shape.Elements / rows);
    }

    /// <summary>The weight; <paramref name="size"/> columns a group, or 0 for as many as divide evenly.</summary>
    public static Quantized Quantize(LayerTensors layer, Shape shape, int bits, Tensor codes, Tensor scales, Weight? zeros, int size, DType dtype, bool signed, Tensor? table = null)
    {
        int groups = Count(layer, scales, shape.Int(0));
        if (groups == 1) return new Quantized(shape, bits, codes, scales.Shape.Elements == 1 ? Granularity.Tensor : Granularity.Channel, new Dense(scales), zeros, signed, table: table, dtype: dtype);
        if (size == 0)
        {
            layer.Require(shape[1] % groups == 0, $"{shape[1]} inputs do not divide into {groups} groups");
            size = Checked.Int(shape[1] / groups);
        }
        return new Quantized(shape, bits, codes, Granularity.Group, new Dense(scales), zeros, signed, axis: 1, group: size, table: table, dtype: dtype);
    }
}

/// <summary>
/// sparse-24-bitmask of compressed-tensors: of every four inputs two are kept.
/// <para>compressed [N, K/2], the values kept; bitmask u8 [N, ⌈K/8⌉], bit k mod 8 of byte k / 8 tells that input k is kept; shape [N, K].</para>
/// </summary>
internal static class BitmaskLayer
{
    private const int N = 2, M = 4, PositionBits = 2;

    public static Weight Read(LayerTensors layer)
    {
        var shape = layer.ReadShape(".shape");
        Tensor values = layer.ReadScales(".compressed"), mask = layer.ReadMatrix(".bitmask", DType.U8);
        int rows = shape.Int(0), columns = shape.Int(1), kept = columns / M * N;
        layer.Require(columns % M == 0 && mask.Shape == new Shape(rows, Checked.CeilDiv(columns, 8)) && values.Shape.Elements == Checked.Mul(rows, kept), $"bitmask {mask.Shape} and compressed {values.Shape} do not fit {shape}");
        long bytes = BitStream.Bytes(Checked.Mul(rows, kept), PositionBits);
        layer.Take(bytes);
        var positions = Tensor.Allocate(DType.U8, new Shape(bytes));
        var p = positions.Bytes;
        var bits = mask.Bytes;
        long at = 0;
        for (int r = 0; r < rows; r++)
            for (int k = 0, stride = mask.Shape.Int(1); k < columns; k += M)
            {
                int group = bits[r * stride + k / 8] >> (k % 8) & 15;
                layer.Require(int.PopCount(group) == N, $"output {r} keeps {int.PopCount(group)} of the inputs {k} to {k + M - 1}, expected {N}");
                for (int i = 0; i < M; i++) if ((group >> i & 1) != 0) BitStream.Set(p, at++, PositionBits, i);
            }
        return new SparseNM(shape, N, M, positions, new Dense(values.Reshape(new Shape(rows, kept))));
    }
}
