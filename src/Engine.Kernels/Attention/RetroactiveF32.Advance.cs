using System.Runtime.CompilerServices;

namespace Engine.Kernels;

public readonly unsafe partial struct RetroactiveF32
{
    private static void Advance<TV>(in RetroactiveF32 a, Workers workers, in RetroactiveOperands o) where TV : unmanaged, IF32Vector<TV>
    {
        double work = (double)a._window * (a._frames + 1) * (a._width + a._valueWidth);
        workers.For(Tensors.Checked.Int((long)a._batch * a._heads), (int)Math.Clamp(65536 / Math.Max(1, work), 1, 4096), new AdvanceBody<TV>(a, o));
    }

    private readonly struct AdvanceBody<TV>(RetroactiveF32 a, RetroactiveOperands o) : IParallelBody where TV : unmanaged, IF32Vector<TV>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            float* old = (float*)Scratch.Get(4L * (2L * a._window + a._width + a._valueWidth));
            for (int unit = start; unit < end; unit++)
            {
                int b = unit / a._heads, n = unit % a._heads, slot = a.Slot(o.Next[b]);
                float* past = o.Past + (nint)unit * a._window * a.Stride;
                double* rows = o.Rows + (nint)unit * a._window * RowNumbers;
                for (int f = 0; f < a._frames; f++, slot = slot + 1 == a._window ? 0 : slot + 1)
                {
                    new ReadOnlySpan<float>(past + (nint)slot * a.Stride + a._width, a._width + a._valueWidth).CopyTo(new(old, a._width + a._valueWidth));
                    Step(past, rows, slot, old, a.Put(o, b, n, f, past, slot) + a._width);
                }
                for (int i = 0; i < a._window; i++)
                {
                    int row = slot + i < a._window ? slot + i : slot + i - a._window;
                    ScoreRow<TV>.Scale(past + (nint)row * a.Stride + 2 * a._width + a._valueWidth, (float)(1 / rows[row * RowNumbers]), o.Y.At(b, n, i), a._valueWidth);
                }
            }
        }

        // One frame: `old` and `now` are key and value of what leaves and of what comes.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Step(float* past, double* rows, int slot, float* old, float* now)
        {
            float* leaving = old + a._width + a._valueWidth, coming = leaving + a._window;
            Scores(past, rows, old, now, leaving, coming);
            ExpRow<TV>.Run(leaving, leaving, a._window, 0);
            ExpRow<TV>.Run(coming, coming, a._window, 0);
            // What is not finite cannot be taken away again.
            bool finite = float.IsFinite(ScoreRow<TV>.Dot(old + a._width, old + a._width, a._valueWidth));
            for (int i = 0; i < a._window; i++)
            {
                double* row = rows + i * RowNumbers;
                float less = leaving[i], more = coming[i];
                double total = row[0] - less + more, error = row[1] + Rounding * (total + 8 * ((double)less + more));
                // NaN fails every comparison.
                if (i != slot && finite && more <= LargestWeight && error < Bound * total)
                {
                    (row[0], row[1]) = (total, error);
                    Exchange(past + (nint)i * a.Stride + 2 * a._width + a._valueWidth, now + a._width, more, old + a._width, less);
                }
                else coming[i] = float.NaN;
            }
            // Weights of rows computed anew take the place of those that left.
            for (int i = 0; i < a._window; i++)
                if (float.IsNaN(coming[i]))
                    Anew(past, past + (nint)i * a.Stride, rows + i * RowNumbers, leaving);
        }

        // Scores of all rows with the key that leaves and the one that comes, less the row's score of weight 1.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Scores(float* past, double* rows, float* old, float* now, float* leaving, float* coming)
        {
            for (int i = 0; i < a._window; i++)
            {
                float* query = past + (nint)i * a.Stride;
                TV less = TV.Of(0), more = less;
                for (int e = 0; e < a._width; e += TV.Count)
                {
                    var q = ScoreRow<TV>.Load(query + e, a._width - e);
                    less.AddProduct(q, ScoreRow<TV>.Load(old + e, a._width - e));
                    more.AddProduct(q, ScoreRow<TV>.Load(now + e, a._width - e));
                }
                float one = (float)rows[i * RowNumbers + 2];
                (leaving[i], coming[i]) = (TV.Sum(less) - one, TV.Sum(more) - one);
            }
        }

        // The small difference first: the sum is rounded once.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Exchange(float* sums, float* now, float more, float* old, float less)
        {
            TV plus = TV.Of(more), minus = TV.Of(-less);
            for (int i = 0; i < a._valueWidth; i += TV.Count)
            {
                int n = a._valueWidth - i;
                ScoreRow<TV>.Store(ScoreRow<TV>.Load(sums + i, n) + TV.Fma(ScoreRow<TV>.Load(now + i, n), plus, ScoreRow<TV>.Load(old + i, n) * minus), sums + i, n);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Anew(float* past, float* row, double* numbers, float* weights)
        {
            for (int t = 0; t < a._window; t++)
            {
                float* key = past + (nint)t * a.Stride + a._width;
                TV score = TV.Of(0);
                for (int e = 0; e < a._width; e += TV.Count) score.AddProduct(ScoreRow<TV>.Load(row + e, a._width - e), ScoreRow<TV>.Load(key + e, a._width - e));
                weights[t] = TV.Sum(score);
            }
            float largest = ScoreRow<TV>.ScaleMax(weights, a._window, 1);
            (numbers[0], numbers[1], numbers[2]) = (ExpRow<TV>.Run(weights, weights, a._window, largest), 0, largest);
            float* sums = row + 2 * a._width + a._valueWidth;
            for (int i = 0; i < a._valueWidth; i += TV.Count)
            {
                TV even = TV.Of(0), odd = even;
                float* value = past + 2 * a._width + i;
                int n = a._valueWidth - i, t = 0;
                for (; t + 1 < a._window; t += 2, value += 2 * a.Stride)
                {
                    even.AddProduct(TV.Of(weights[t]), ScoreRow<TV>.Load(value, n));
                    odd.AddProduct(TV.Of(weights[t + 1]), ScoreRow<TV>.Load(value + a.Stride, n));
                }
                if (t < a._window) even.AddProduct(TV.Of(weights[t]), ScoreRow<TV>.Load(value, n));
                ScoreRow<TV>.Store(even + odd, sums + i, n);
            }
        }
    }
}
