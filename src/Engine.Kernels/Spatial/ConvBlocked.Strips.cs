using System.Runtime.CompilerServices;

namespace Engine.Kernels;

public static unsafe partial class ConvBlocked
{
    // Narrower vectors: tiles of six pixels and two vectors.
    private static void Strips<TV>(in Row t) where TV : unmanaged, IF32Vector<TV>
    {
        if (t.Wrap != 0 && t.Pixels > HalfRow)
        {
            Strips<TV>(FirstHalf(t));
            Strips<TV>(SecondHalf(t));
            return;
        }
        for (int channel = 0; channel < (t.Y1 is null ? Block : Pair); channel += 2 * TV.Count)
            switch (t.Step)
            {
                case 16: Strips<TV, N16>(t, channel); break;
                case 32: Strips<TV, N32>(t, channel); break;
                case 1: Strips<TV, N1>(t, channel); break;
                default: Strips<TV, N2>(t, channel); break;
            }
    }

    private static void Strips<TV, TStep>(in Row t, int channel) where TV : unmanaged, IF32Vector<TV> where TStep : struct, INumber
    {
        // Seven pixels are four and three, eight twice four: a strip of one or two waits for its own sums.
        int p = 0, n = t.Pixels;
        for (; n - p == 6 || n - p >= 9; p += 6) Strip<TV, N6, TStep>(t, p, channel);
        for (; n - p >= 7; p += 4) Strip<TV, N4, TStep>(t, p, channel);
        switch (n - p)
        {
            case 1: Strip<TV, N1, TStep>(t, p, channel); break;
            case 2: Strip<TV, N2, TStep>(t, p, channel); break;
            case 3: Strip<TV, N3, TStep>(t, p, channel); break;
            case 4: Strip<TV, N4, TStep>(t, p, channel); break;
            case 5: Strip<TV, N5, TStep>(t, p, channel); break;
        }
    }

    private struct Sum<TV> where TV : unmanaged, IF32Vector<TV>
    {
        public TV X, Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(float x, TV w0, TV w1)
        {
            var v = TV.Of(x);
            X.AddProduct(v, w0);
            Y.AddProduct(v, w1);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(float* y, float* plus, int pixel, TV low, TV high)
        {
            var (x, z) = plus is null ? (X, Y) : (X + TV.Load(plus + pixel * Block), Y + TV.Load(plus + pixel * Block + TV.Count));
            TV.Clamp(x, low, high).Store(y + pixel * Block);
            TV.Clamp(z, low, high).Store(y + pixel * Block + TV.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Strip<TV, TPixels, TStep>(in Row t, int pixel, int channel) where TV : unmanaged, IF32Vector<TV> where TPixels : struct, INumber where TStep : struct, INumber
    {
        Sum<TV> start = default;
        if (t.Bias != null) (start.X, start.Y) = (TV.Load(t.Bias + channel), TV.Load(t.Bias + channel + TV.Count));
        Sum<TV> s0 = start, s1 = start, s2 = start, s3 = start, s4 = start, s5 = start;
        float* w = t.W + channel, block = t.X + (nint)pixel * TStep.Value;
        for (int b = t.Blocks; b > 0; b--, block += t.BlockStep)
        {
            int inner = b == 1 ? t.LastInner : t.Inner;
            nint skip = (nint)(t.Inner - inner) * Pair;
            float* row = block;
            for (int r = t.Rows; r > 0; r--, row += t.RowStep)
            {
                float* column = row;
                for (int c = t.Columns; c > 0; c--, column += t.ColumnStep, w += skip)
                {
                    float* x = column, end = column + inner;
                    for (; x < end; x++, w += Pair)
                    {
                        TV w0 = TV.Load(w), w1 = TV.Load(w + TV.Count);
                        s0.Add(x[0], w0, w1);
                        if (TPixels.Value > 1) s1.Add(x[TStep.Value], w0, w1);
                        if (TPixels.Value > 2) s2.Add(x[2 * TStep.Value], w0, w1);
                        if (TPixels.Value > 3) s3.Add(x[3 * TStep.Value], w0, w1);
                        if (TPixels.Value > 4) s4.Add(x[4 * TStep.Value], w0, w1);
                        if (TPixels.Value > 5) s5.Add(x[5 * TStep.Value], w0, w1);
                    }
                }
            }
        }
        nint at = (nint)pixel * Block + channel % Block;
        float* y = (channel < Block ? t.Y0 : t.Y1) + at, plus = t.Tail.Plus is null ? null : (channel < Block ? t.Tail.Plus : t.Plus1) + at;
        TV low = TV.Of(t.Tail.Low), high = TV.Of(t.Tail.High);
        s0.Store(y, plus, 0, low, high);
        if (TPixels.Value > 1) s1.Store(y, plus, 1, low, high);
        if (TPixels.Value > 2) s2.Store(y, plus, 2, low, high);
        if (TPixels.Value > 3) s3.Store(y, plus, 3, low, high);
        if (TPixels.Value > 4) s4.Store(y, plus, 4, low, high);
        if (TPixels.Value > 5) s5.Store(y, plus, 5, low, high);
    }

    // Pixels of a row before it wraps.
    private const int HalfRow = WideTile / 2;

    private static Row FirstHalf(Row t) => t with { Pixels = HalfRow };

    private static Row SecondHalf(Row t) => t with
    {
        Pixels = t.Pixels - HalfRow,
        X = t.X + HalfRow * t.Step + t.Wrap,
        Wrap = 0,
        Y0 = t.Y0 + HalfRow * Block,
        Y1 = t.Y1 is null ? null : t.Y1 + HalfRow * Block,
        Tail = t.Tail.From(HalfRow * Block),
        Plus1 = t.Plus1 is null ? null : t.Plus1 + HalfRow * Block,
    };

    private static void RowScalar(in Row t)
    {
        if (t.Wrap != 0 && t.Pixels > HalfRow)
        {
            RowScalar(FirstHalf(t));
            RowScalar(SecondHalf(t));
            return;
        }
        for (int p = 0; p < t.Pixels; p++)
            for (int channel = 0; channel < (t.Y1 is null ? Block : Pair); channel++)
            {
                double sum = t.Bias is null ? 0 : t.Bias[channel];
                float* w = t.W + channel;
                for (int b = 0; b < t.Blocks; b++)
                    for (int r = 0; r < t.Rows; r++)
                        for (int c = 0; c < t.Columns; c++)
                            for (int i = 0; i < t.Inner; i++, w += Pair)
                                if (i < t.LastInner || b < t.Blocks - 1)
                                    sum += (double)*w * t.X[(nint)p * t.Step + b * t.BlockStep + r * t.RowStep + c * t.ColumnStep + i];
                nint at = (nint)p * Block + channel % Block;
                float v = (float)sum + (t.Tail.Plus is null ? 0 : (channel < Block ? t.Tail.Plus : t.Plus1)[at]);
                (channel < Block ? t.Y0 : t.Y1)[at] = v < t.Tail.Low ? t.Tail.Low : v > t.Tail.High ? t.Tail.High : v;
            }
    }
}
