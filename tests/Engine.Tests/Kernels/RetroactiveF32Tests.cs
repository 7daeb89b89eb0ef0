using Engine.Kernels;

namespace Engine.Tests;

public unsafe class RetroactiveF32Tests
{
    private const int Window = 48, Width = 16;

    private static readonly int Stride = (int)RetroactiveF32.FrameLength(Width, Width);

    /// <summary>A window whose state is kept by one tier; frames go one by one.</summary>
    private sealed class Stream(string tier)
    {
        private readonly float[] _past = new float[Window * Stride];
        private readonly double[] _rows = new double[Window * RetroactiveF32.RowNumbers];
        private readonly List<float[]> _q = [], _k = [], _v = [];
        private long _next;

        public float[] Y { get; } = new float[Window * Width];

        public void Push(float[] q, float[] k, float[] v)
        {
            _q.Add(q);
            _k.Add(k);
            _v.Add(v);
            fixed (float* pq = q, pk = k, pv = v, py = Y, past = _past)
            fixed (double* rows = _rows)
            fixed (long* next = &_next)
                RetroactiveF32.Table[tier](new RetroactiveF32(1, 1, 1, Window, Width, Width, 0.25f), Workers.Single, new() { Q = new(pq, 0, 0, Width), K = new(pk, 0, 0, Width), V = new(pv, 0, 0, Width), Y = new(py, 0, 0, Width), Past = past, Rows = rows, Next = next });
            _next = (_next + 1) % Window;
        }

        /// <summary>Largest difference from softmax(q·kᵀ / 4)·v in double, over the largest result.</summary>
        public double Deviation()
        {
            int first = _q.Count - Window;
            double worst = 0, largest = 0;
            for (int i = 0; i < Window; i++)
            {
                var scores = new double[Window];
                for (int t = 0; t < Window; t++)
                    for (int e = 0; e < Width; e++) scores[t] += 0.25 * _q[first + i][e] * _k[first + t][e];
                double top = scores.Max(), total = scores.Sum(s => Math.Exp(s - top));
                for (int e = 0; e < Width; e++)
                {
                    double y = 0;
                    for (int t = 0; t < Window; t++) y += Math.Exp(scores[t] - top) / total * _v[first + t][e];
                    largest = Math.Max(largest, Math.Abs(y));
                    worst = Math.Max(worst, double.IsNaN(Y[i * Width + e]) ? double.PositiveInfinity : Math.Abs(y - Y[i * Width + e]));
                }
            }
            return worst / largest;
        }
    }

    private static float[] Normal(Random r, double sigma) => [.. Enumerable.Range(0, Width).Select(_ => (float)(sigma * Math.Sqrt(-2 * Math.Log(1 - r.NextDouble())) * Math.Cos(2 * Math.PI * r.NextDouble())))];

    // Sums that are only updated are off by 4e-2 at a deviation of 3.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    public void RowsStayWithinAHundredThousandthOfThoseInDouble(double sigma)
    {
        foreach (string tier in RetroactiveF32.Table.SupportedTiers)
        {
            var r = new Random(7);
            var stream = new Stream(tier);
            for (int step = 0; step < 6 * Window; step++)
            {
                stream.Push(Normal(r, sigma), Normal(r, sigma), Normal(r, sigma));
                if (step >= Window - 1 && step % 5 == 0) Assert.InRange(stream.Deviation(), 0, 1e-5);
            }
        }
    }

    [Theory]
    [InlineData(float.NaN, 0f)]
    [InlineData(0f, float.NaN)]
    [InlineData(0f, float.PositiveInfinity)]
    [InlineData(1e30f, 0f)]
    [InlineData(0f, 1e30f)]
    public void FrameOfNoUseLeavesNothingBehind(float key, float value)
    {
        foreach (string tier in RetroactiveF32.Table.SupportedTiers)
        {
            var r = new Random(8);
            var stream = new Stream(tier);
            for (int step = 0; step < 2 * Window; step++)
            {
                float[] k = Normal(r, 1), v = Normal(r, 1);
                if (step == Window / 2) (k[0], v[1]) = (k[0] + key, v[1] + value);
                stream.Push(Normal(r, 1), k, v);
            }
            Assert.InRange(stream.Deviation(), 0, 1e-5);
        }
    }
}
