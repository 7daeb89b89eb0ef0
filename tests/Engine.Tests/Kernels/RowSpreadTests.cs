using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Rows 4 KB apart, which share a set of the first-level cache, give what the same rows give elsewhere.</summary>
public sealed unsafe class RowSpreadTests
{
    private const int N = 16, Far = 4096;

    // More rows than are copied at a time.
    [Theory]
    [InlineData(9, 4096)]
    [InlineData(1100, 4096)]
    [InlineData(20, 4000)]
    [InlineData(20, 0)]
    public void Products_of_bytes_do_not_depend_on_where_rows_lie(int m, int k)
    {
        var random = new Random(m + k);
        byte[] b = new byte[k * N], near = new byte[m * (k + 64)], far = new byte[m * Far];
        random.NextBytes(b);
        random.NextBytes(near);
        for (int i = 0; i < m; i++) near.AsSpan(i * (k + 64), k).CopyTo(far.AsSpan(i * Far));
        var form = new NmForm(2, 4);
        byte[] packed = new byte[GemmU8S8.PackedLength(k, N)], sparse = new byte[GemmNmU8S8.PackedLength(form, k, N)];
        GemmU8S8.PackB(b, true, [], k, N, N, 1, packed);
        for (int i = 0; i < k * N; i++) if (i / N % 4 >= 2) b[i] = 0;
        Assert.True(GemmNmU8S8.PackB(form, b, true, [], k, N, N, 1, sparse));
        foreach (bool isSparse in (bool[])[false, true])
        {
            int[] Product(byte[] a, int stride)
            {
                var y = new int[m * N];
                fixed (byte* rows = a, p = packed, s = sparse)
                fixed (int* c = y)
                {
                    var from = new GemmU8S8.Rows(rows, false, 7, stride, 1);
                    if (isSparse) GemmNmU8S8.Run(Workers.Single, form, m, N, k, from, s, new Int32Store(c, N));
                    else GemmU8S8.Run(Workers.Single, m, N, k, from, p, new Int32Store(c, N));
                }
                return y;
            }
            Assert.Equal(Product(near, k + 64), Product(far, Far));
        }
    }

    [Theory]
    [InlineData(9)]
    [InlineData(600)]
    public void Products_of_bf16_do_not_depend_on_where_rows_lie(int m)
    {
        const int K = Far / 2;
        var random = new Random(m);
        BFloat16[] b = new BFloat16[K * N], near = new BFloat16[m * (K + 32)], far = new BFloat16[m * K], packed = new BFloat16[GemmBf16.PackedLength(K, N)];
        for (int i = 0; i < b.Length; i++) b[i] = (BFloat16)random.NextSingle();
        for (int i = 0; i < far.Length; i++) near[i / K * (K + 32) + i % K] = far[i] = (BFloat16)random.NextSingle();
        GemmBf16.PackB(b, K, N, N, 1, packed);
        float[] Product(BFloat16[] a, int stride)
        {
            var y = new float[m * N];
            fixed (BFloat16* rows = a, p = packed)
            fixed (float* c = y) GemmBf16.Run(Workers.Single, m, N, K, rows, stride, 1, p, null, new F32RowStore(c, N));
            return y;
        }
        Assert.Equal(Product(near, K + 32), Product(far, K));
    }
}
