using Engine.Formats.Checkpoints;
using Engine.Formats.Safetensors;
using Engine.Tensors;
using Engine.Tests.Formats.Safetensors;

namespace Engine.Tests.Formats.Checkpoints;

/// <summary>Published layouts, built from their description and decoded here number by number.</summary>
public class CheckpointTests
{
    /// <summary>A random layer y = W·x with W[n, k] = scale[g, n] · (q[k, n] − z[g, n]), g = groupOf[k].</summary>
    private sealed record Layer(int Bits, int[,] Q, int[,] Z, Half[,] Scale, int[] GroupOf)
    {
        public int Inputs => Q.GetLength(0);

        public int Outputs => Q.GetLength(1);

        public int Groups => Z.GetLength(0);

        public float[] Expected()
        {
            var w = new float[Outputs * Inputs];
            for (int n = 0; n < Outputs; n++)
                for (int k = 0; k < Inputs; k++) w[n * Inputs + k] = (float)Scale[GroupOf[k], n] * (Q[k, n] - Z[GroupOf[k], n]);
            return w;
        }

        public Half[] Scales() => [.. Scale.Cast<Half>()];

        public static Layer Random(Random r, int bits, int inputs, int outputs, int group, bool actOrder = false, int leastZero = 0)
        {
            int groups = (inputs + group - 1) / group;
            var layer = new Layer(bits, new int[inputs, outputs], new int[groups, outputs], new Half[groups, outputs], [.. Enumerable.Range(0, inputs).Select(k => k / group)]);
            if (actOrder) r.Shuffle(layer.GroupOf);
            for (int k = 0; k < inputs; k++)
                for (int n = 0; n < outputs; n++) layer.Q[k, n] = r.Next(1 << bits);
            for (int g = 0; g < groups; g++)
                for (int n = 0; n < outputs; n++) (layer.Z[g, n], layer.Scale[g, n]) = (r.Next(leastZero, 1 << bits), (Half)(r.NextDouble() + 0.01));
            return layer;
        }
    }

    // Codes one after the other, low bits first, in words of 32.
    private static int[] Words(IEnumerable<int> codes, int bits)
    {
        var words = new List<uint>();
        int at = 0;
        foreach (int c in codes)
            for (int b = 0; b < bits; b++, at++)
            {
                if (at % 32 == 0) words.Add(0);
                words[^1] |= (uint)(c >> b & 1) << at % 32;
            }
        return [.. words.Select(w => (int)w)];
    }

    private static float[] Decoded(Weight w)
    {
        var t = w.ToF32();
        float[] values = t.Span<float>().ToArray();
        GC.KeepAlive(t);
        return values;
    }

    private static SafetensorsBytes Gptq(Layer l, bool v2, bool index)
    {
        int wordRows = l.Inputs * l.Bits / 32;
        var q = new int[wordRows * l.Outputs];
        for (int n = 0; n < l.Outputs; n++)
        {
            int[] column = Words(Enumerable.Range(0, l.Inputs).Select(k => l.Q[k, n]), l.Bits);
            for (int i = 0; i < wordRows; i++) q[i * l.Outputs + n] = column[i];
        }
        int[] z = [.. Enumerable.Range(0, l.Groups).SelectMany(g => Words(Enumerable.Range(0, l.Outputs).Select(n => l.Z[g, n] - (v2 ? 0 : 1)), l.Bits))];
        var f = new SafetensorsBytes().Add("fc.qweight", "I32", [wordRows, l.Outputs], q).Add("fc.qzeros", "I32", [l.Groups, z.Length / l.Groups], z).Add("fc.scales", "F16", [l.Groups, l.Outputs], l.Scales());
        return index ? f.Add("fc.g_idx", "I32", [l.Inputs], l.GroupOf) : f;
    }

    [Theory]
    [InlineData(2, 64, 16, 16), InlineData(3, 96, 32, 32), InlineData(4, 64, 24, 16), InlineData(4, 128, 40, 128), InlineData(8, 32, 20, 8)]
    public void Gptq_of_both_versions_with_and_without_act_order(int bits, int inputs, int outputs, int group)
    {
        var r = new Random(bits);
        foreach (bool v2 in new[] { false, true })
            foreach (bool actOrder in new[] { false, true })
            {
                var l = Layer.Random(r, bits, inputs, outputs, group, actOrder, leastZero: v2 ? 0 : 1);
                var c = Checkpoint.Of(SafetensorsFile.Open(Gptq(l, v2, actOrder || v2).ToArray()), v2);
                Assert.Equal("gptq", c.LayoutOf(Assert.Single(c.Names)));
                var w = c.Read("fc.weight");
                Assert.Equal(new Shape(outputs, inputs), w.Shape);
                Assert.Equal(actOrder && l.Groups > 1, w is Permuted);
                Assert.Equal(l.Expected(), Decoded(w));
            }
    }

    [Fact]
    public void Gptq_zero_points_in_the_middle_are_left_out()
    {
        var l = Layer.Random(new Random(1), 4, 32, 8, 16);
        for (int g = 0; g < 2; g++) for (int n = 0; n < 8; n++) l.Z[g, n] = 8;
        var w = Assert.IsType<Quantized>(Checkpoint.Of(SafetensorsFile.Open(Gptq(l, false, true).ToArray())).Read("fc.weight", DType.F16));
        Assert.Null(w.Zero);
        Assert.Equal((DType.F16, 16, Granularity.Group), (w.DType, w.Group, w.Granularity));
        Assert.Equal(l.Expected().Select(x => (float)(Half)x), Decoded(w));
    }

    [Theory]
    [InlineData(64, 16, 16), InlineData(24, 48, 24), InlineData(128, 8, 32)]
    public void Awq(int inputs, int outputs, int group)
    {
        // Nibble i of a word is output (0, 2, 4, 6, 1, 3, 5, 7)[i].
        int[] order = [0, 2, 4, 6, 1, 3, 5, 7];
        var l = Layer.Random(new Random(inputs), 4, inputs, outputs, group);
        int[] Pack(int[,] m) => [.. Enumerable.Range(0, m.GetLength(0)).SelectMany(k => Words(Enumerable.Range(0, outputs).Select(n => m[k, n / 8 * 8 + order[n % 8]]), 4))];
        byte[] file = new SafetensorsBytes().Add("fc.qweight", "I32", [inputs, outputs / 8], Pack(l.Q)).Add("fc.qzeros", "I32", [l.Groups, outputs / 8], Pack(l.Z)).Add("fc.scales", "F16", [l.Groups, outputs], l.Scales())
            .Add("fc.bias", "F16", [2], (Half)1, (Half)2).ToArray();
        var c = Checkpoint.Of(SafetensorsFile.Open(file));
        Assert.Equal("awq", c.LayoutOf("fc.weight"));
        Assert.Equal(l.Expected(), Decoded(c.Read("fc.weight")));
        Assert.Equal([1, 2], Decoded(c.Read("fc.bias")));
    }

    [Theory]
    [InlineData(4, 40, 6, 8, false, true), InlineData(4, 40, 6, 8, true, true), InlineData(4, 37, 5, 37, false, false), InlineData(8, 32, 4, 16, false, true), InlineData(8, 30, 9, 10, true, false), InlineData(2, 64, 20, 32, false, true)]
    public void Compressed_tensors_packed(int bits, int inputs, int outputs, int group, bool actOrder, bool packedZeros)
    {
        var l = Layer.Random(new Random(inputs), bits, inputs, outputs, group, actOrder);
        int perWord = 32 / bits, perRow = (inputs + perWord - 1) / perWord;
        int[] q = [.. Enumerable.Range(0, outputs).SelectMany(n => Words(Enumerable.Range(0, perRow * perWord).Select(k => k < inputs ? l.Q[k, n] : 0), bits))];
        var f = new SafetensorsBytes().Add("fc.weight_packed", "I32", [outputs, perRow], q).Add("fc.weight_shape", "I64", [2], (long)outputs, inputs)
            .Add("fc.weight_scale", "F16", [outputs, l.Groups], [.. Enumerable.Range(0, outputs * l.Groups).Select(i => l.Scale[i % l.Groups, i / l.Groups])]);
        if (packedZeros)
        {
            // Packed along the outputs.
            int zeroRows = (outputs + perWord - 1) / perWord;
            var z = new int[zeroRows * l.Groups];
            for (int g = 0; g < l.Groups; g++)
            {
                int[] column = Words(Enumerable.Range(0, zeroRows * perWord).Select(n => n < outputs ? l.Z[g, n] : 0), bits);
                for (int i = 0; i < zeroRows; i++) z[i * l.Groups + g] = column[i];
            }
            f.Add("fc.weight_zero_point", "I32", [zeroRows, l.Groups], z);
        }
        else
        {
            f.Add("fc.weight_zero_point", "I8", [outputs, l.Groups], [.. Enumerable.Range(0, outputs * l.Groups).Select(i => (sbyte)(l.Z[i % l.Groups, i / l.Groups] - (1 << (bits - 1))))]);
        }
        if (actOrder) f.Add("fc.weight_g_idx", "I32", [inputs], l.GroupOf);
        var c = Checkpoint.Of(SafetensorsFile.Open(f.ToArray()));
        Assert.Equal("pack-quantized", c.LayoutOf(Assert.Single(c.Names)));
        Assert.Equal(l.Expected(), Decoded(c.Read("fc.weight")));
    }

    [Fact]
    public void Compressed_tensors_plain_codes()
    {
        sbyte[] q = [1, -2, 127, -128, 5, 6];
        var f = new SafetensorsBytes().Add("a.weight", "I8", [2, 3], q).Add("a.weight_scale", "F32", [2, 1], 0.5f, 2f).Add("a.weight_zero_point", "I8", [2, 1], (sbyte)0, (sbyte)-3)
            .Add("b.weight", "I8", [2, 3], q).Add("b.weight_scale", "BF16", [1], (ushort)0x3f00)
            .Add("c.weight", "F8_E4M3", [1, 2], (byte)0x38, (byte)0xc0).Add("c.weight_scale", "F32", [1], 3f).ToArray();
        var c = Checkpoint.Of(SafetensorsFile.Open(f));
        Assert.Equal([0.5f, -1, 63.5f, -250, 16, 18], Decoded(c.Read("a.weight")));
        Assert.Equal([0.5f, -1, 63.5f, -64, 2.5f, 3], Decoded(c.Read("b.weight")));
        Assert.Equal([3f, -6], Decoded(c.Read("c.weight")));
        Assert.All(c.Names, n => Assert.Equal("naive-quantized", c.LayoutOf(n)));
    }

    [Fact]
    public void Compressed_tensors_sparse_24()
    {
        // Kept: inputs 0, 3 and 5, 6 of output 0; 1, 2 and 4, 7 of output 1.
        byte[] f = new SafetensorsBytes().Add("fc.compressed", "F16", [2, 4], [.. Enumerable.Range(1, 8).Select(i => (Half)i)]).Add("fc.bitmask", "U8", [2, 1], (byte)0b0110_1001, (byte)0b1001_0110).Add("fc.shape", "I64", [2], 2L, 8).ToArray();
        var w = Checkpoint.Of(SafetensorsFile.Open(f)).Read("fc.weight");
        Assert.Equal("Sparse(2:4, Dense)", w.Describe());
        Assert.Equal([1f, 0, 0, 2, 0, 3, 4, 0, 0, 5, 6, 0, 7, 0, 0, 8], Decoded(w));
    }

    [Fact]
    public void What_does_not_fit_names_the_layer()
    {
        var l = Layer.Random(new Random(5), 4, 32, 8, 16);
        var missing = new SafetensorsBytes().Add("fc.qweight", "I32", [4, 8], new int[32]).Add("fc.scales", "F16", [2, 8], new Half[16]).ToArray();
        Assert.Contains("layer 'fc': '.qzeros' is missing", Fault(missing), StringComparison.Ordinal);
        l.GroupOf[0] = 1;
        Assert.Contains("layer 'fc': group 1 has 17 columns", Fault(Gptq(l, false, true).ToArray()), StringComparison.Ordinal);
        l.GroupOf[0] = 2;
        Assert.Contains("group 2 of 2", Fault(Gptq(l, false, true).ToArray()), StringComparison.Ordinal);
        var twice = new SafetensorsBytes().Add("fc.weight", "F32", [1], 1f).Add("fc.compressed", "F16", [1, 2], new Half[2]).Add("fc.bitmask", "U8", [1, 1], (byte)7).Add("fc.shape", "I64", [2], 1L, 4).ToArray();
        Assert.Contains("given twice", Assert.Throws<InvalidModelException>(() => Checkpoint.Of(SafetensorsFile.Open(twice))).Message, StringComparison.Ordinal);
        var three = new SafetensorsBytes().Add("fc.compressed", "F16", [1, 2], new Half[2]).Add("fc.bitmask", "U8", [1, 1], (byte)7).Add("fc.shape", "I64", [2], 1L, 4).ToArray();
        Assert.Contains("keeps 3 of", Fault(three), StringComparison.Ordinal);

        static string Fault(byte[] file) => Assert.Throws<InvalidModelException>(() => Checkpoint.Of(SafetensorsFile.Open(file)).Read("fc.weight")).Message;
    }

    /// <summary>One layer of each layout.</summary>
    internal static IReadOnlyDictionary<string, byte[]> Seeds()
    {
        var r = new Random(17);
        var packed = new SafetensorsBytes().Metadata("format", "pt").Add("fc.weight_packed", "I32", [2, 1], 0x76543210, -1).Add("fc.weight_shape", "I64", [2], 2L, 8).Add("fc.weight_scale", "F16", [2, 2], new Half[4])
            .Add("fc.weight_zero_point", "I32", [1, 2], 3, 4).Add("fc.weight_g_idx", "I32", [8], 0, 1, 0, 1, 0, 1, 0, 1);
        var awq = new SafetensorsBytes().Add("fc.qweight", "I32", [4, 1], 1, 2, 3, 4).Add("fc.qzeros", "I32", [2, 1], 5, 6).Add("fc.scales", "F16", [2, 8], new Half[16]);
        var plain = new SafetensorsBytes().Add("a.weight", "I8", [2, 2], new sbyte[4]).Add("a.weight_scale", "F32", [2, 1], 1f, 2).Add("fc.compressed", "F16", [1, 2], new Half[2]).Add("fc.bitmask", "U8", [1, 1], (byte)5).Add("fc.shape", "I64", [2], 1L, 4);
        return new Dictionary<string, byte[]> { ["gptq"] = Gptq(Layer.Random(r, 4, 16, 8, 8, true), false, true).ToArray(), ["awq"] = awq.ToArray(), ["packed"] = packed.ToArray(), ["plain"] = plain.ToArray() };
    }
}
