using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Attention by blocks against attention row by row, over layouts of heads, masks and lengths.</summary>
public unsafe class AttentionF32Tests
{
    private sealed class Case
    {
        public required AttentionF32 Kernel;
        public required int Batch, Heads, Rows, Keys, Width, ValueWidth;
        public required float[] Q, K, V, Bias, Mask;
        public required byte[] Flags;
        public required bool SharedKeys, TransposedKeys, Joined, HideWhen, KeyMask;
        public required float Fill;

        public float[] Run(string tier, Workers workers)
        {
            var y = new float[Batch * Rows * Heads * ValueWidth];
            Array.Fill(y, 12345f);
            var packed = new float[AttentionF32.PackedLength(Batch, Heads, Keys, Width, ValueWidth) + 1];
            fixed (float* q = Q, k = K, v = V, bias = Bias, mask = Mask, to = y, work = packed)
            fixed (byte* flags = Flags)
            {
                int own = SharedKeys ? 1 : Heads;
                HeadRows Of(float* data, int heads, int rows, int width) => Joined ? new(data, (nint)rows * heads * width, heads == 1 ? 0 : width, (nint)heads * width) : new(data, (nint)heads * rows * width, heads == 1 ? 0 : (nint)rows * width, width);
                var o = new AttentionOperands
                {
                    Q = Heads == 1 ? new(q, (nint)Rows * Width, 0, Width) : Of(q, Heads, Rows, Width),
                    K = TransposedKeys ? new(k, (nint)own * Keys * Width, own == 1 ? 0 : (nint)Keys * Width, 1, Keys) : Of(k, own, Keys, Width),
                    V = Of(v, own, Keys, ValueWidth),
                    Y = new(to, (nint)Rows * Heads * ValueWidth, ValueWidth, (nint)Heads * ValueWidth),
                };
                if (Bias.Length > 0) o.Bias = new(bias, (nint)Heads * Rows * Keys, (nint)Rows * Keys, Keys);
                if (Mask.Length > 0) o.Mask = KeyMask ? new(mask, Keys, 0, 0) : new(mask, 0, 0, Keys);
                if (Flags.Length > 0) o.Flags = KeyMask ? new(flags, Keys, 0, 0, 1, HideWhen, Fill) : new(flags, 0, 0, Keys, 1, HideWhen, Fill);
                AttentionF32.Table[tier](Kernel, workers, o, work);
            }
            return y;
        }
    }

    private static Case Random(int seed)
    {
        var r = new Random(seed);
        int Length(int longest) => r.Next(4) == 0 ? r.Next(1, 18) : r.Next(1, longest);
        int batch = r.Next(1, 3), heads = r.Next(1, 4), rows = r.Next(3) == 0 ? r.Next(1, 5) : Length(150), keys = r.Next(5) == 0 ? Length(900) : Length(200), width = Length(80), valueWidth = Length(80);
        bool shared = r.Next(4) == 0, keyMask = r.Next(2) == 0;
        int own = shared ? 1 : heads, planes = keyMask ? batch : rows;
        float[] Floats(bool there, int n) => there ? TestData.Floats(n, r.Next()) : [];
        var mask = Floats(r.Next(3) == 0, planes * keys);
        for (int i = 0; i < mask.Length; i++) if (r.Next(3) == 0) mask[i] = r.Next(2) == 0 ? float.NegativeInfinity : -10000;
        var flags = new byte[r.Next(3) == 0 ? planes * keys : 0];
        for (int i = 0; i < flags.Length; i++) flags[i] = (byte)r.Next(2);
        float reach = r.Next(4) == 0 ? 30 : 1;
        var q = Floats(true, batch * heads * rows * width);
        for (int i = 0; i < q.Length; i++) q[i] *= reach;
        return new Case
        {
            Kernel = new(batch, heads, rows, keys, width, valueWidth, r.Next(2) == 0 ? 1 / MathF.Sqrt(width) : 1) { ZeroWhereHidden = r.Next(2) == 0 },
            Batch = batch,
            Heads = heads,
            Rows = rows,
            Keys = keys,
            Width = width,
            ValueWidth = valueWidth,
            Q = q,
            K = Floats(true, batch * own * keys * width),
            V = Floats(true, batch * own * keys * valueWidth),
            Bias = Floats(r.Next(3) == 0, batch * heads * rows * keys),
            Mask = mask,
            Flags = flags,
            SharedKeys = shared,
            TransposedKeys = r.Next(3) == 0,
            Joined = r.Next(2) == 0,
            HideWhen = r.Next(2) == 0,
            KeyMask = keyMask,
            Fill = r.Next(2) == 0 ? float.NegativeInfinity : -1e9f,
        };
    }

    [Fact]
    public void Every_tier_agrees_with_the_reference_and_no_number_of_threads_changes_a_bit()
    {
        using var two = new Workers(2);
        using var three = new Workers(3);
        for (int seed = 0; seed < 400; seed++)
        {
            var c = Random(seed);
            var expected = c.Run("scalar", Workers.Single);
            foreach (string tier in AttentionF32.Table.SupportedTiers)
            {
                var actual = c.Run(tier, Workers.Single);
                for (int i = 0; i < expected.Length; i++)
                    Assert.True(expected[i].Equals(actual[i]) || Math.Abs(expected[i] - actual[i]) < 2e-4, $"{tier}, seed {seed}, element {i}: expected {expected[i]}, got {actual[i]}");
                Assert.Equal(actual, c.Run(tier, two));
                Assert.Equal(actual, c.Run(tier, three));
            }
        }
    }

    [Fact]
    public void Without_keys_there_are_zeros()
    {
        float[] q = [1, 2], y = [3, 4];
        foreach (string tier in AttentionF32.Table.SupportedTiers)
            fixed (float* pq = q, py = y)
            {
                AttentionF32.Table[tier](new AttentionF32(1, 1, 1, 0, 2, 2, 1), Workers.Single, new() { Q = new(pq, 0, 0, 2), K = new(pq, 0, 0, 2), V = new(pq, 0, 0, 2), Y = new(py, 0, 0, 2) }, pq);
                Assert.Equal([0, 0], y);
            }
    }
}
