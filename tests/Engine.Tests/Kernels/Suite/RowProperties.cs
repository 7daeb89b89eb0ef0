using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Folds and weighted sums of rows.</summary>
internal static unsafe class RowProperties
{
    public static IEnumerable<KernelProperty> All =>
    [
        new(FoldRows.Max, 500, o => Fold(FoldRows.Max, Fill.Anything, 0, o)),
        new(FoldRows.Sum, 500, o => Fold(FoldRows.Sum, Fill.Outliers, 1e-6, o)),
        new(SoftmaxF32.Table, 500, Softmax),
        new(ResampleRows.Table, 500, Rows),
        new(ResizeBlocked.Table, 500, Pixels),
        new(ConvDepthwiseF32.Table, 500, Depthwise),
    ];

    private static float* Magnitudes(Operands o, float* x, int n)
    {
        float* y = o.Copy(x, n);
        for (int i = 0; i < n; i++) y[i] = Math.Abs(y[i]);
        return y;
    }

    private static void Fold(KernelTable<FoldRows.Fn> table, Fill fill, double tolerance, Operands o)
    {
        var r = o.Random;
        // Rows may overlap: a window along a row steps by its dilation.
        int n = KernelProperty.Length(r), rows = r.Next(1, 8), step = r.Next(2) == 0 ? r.Next(1, 4) : n + r.Next(5), length = (rows - 1) * step + n;
        float* x = o.Floats(length, fill), expected = o.Take<float>(n), magnitude = o.Take<float>(n);
        table.Reference(x, step, rows, expected, n);
        table.Reference(Magnitudes(o, x, length), step, rows, magnitude, n);
        foreach (string tier in KernelProperty.Fast(table))
        {
            float* y = o.Take<float>(n);
            table[tier](x, step, rows, y, n);
            KernelProperty.AssertClose($"{table.Stem} {tier} rows {rows} step {step}", expected, y, magnitude, n, tolerance);
        }
    }

    private static void Softmax(Operands o)
    {
        int n = KernelProperty.Length(o.Random);
        bool log = o.Random.Next(2) == 0;
        float* x = o.Floats(n, o.Random.Next(2) == 0 ? Fill.Outliers : Fill.Plain), expected = o.Take<float>(n);
        for (int i = 0; i < n; i++) x[i] *= 20;
        // One NaN makes the whole row NaN.
        if (n > 0 && o.Random.Next(8) == 0) x[o.Random.Next(n)] = float.NaN;
        SoftmaxF32.Table.Reference(x, expected, n, log);
        foreach (string tier in KernelProperty.Fast(SoftmaxF32.Table))
        {
            float* y = o.Random.Next(2) == 0 ? o.Copy(x, n) : o.Take<float>(n);
            SoftmaxF32.Table[tier](o.Random.Next(2) == 0 ? x : Kept(x, y, n), y, n, log);
            KernelProperty.AssertClose($"softmax-f32 {tier} log {log}", expected, y, null, n, 3e-6);
        }
    }

    // In place.
    private static float* Kept(float* x, float* y, int n)
    {
        new ReadOnlySpan<float>(x, n).CopyTo(new Span<float>(y, n));
        return y;
    }

    private struct Taps
    {
        public int Count, Length;
        public float* X, Weights;
        public int* Indices;

        public Taps(Operands o, int outputs, int sources, int width)
        {
            (Count, Length) = (o.Random.Next(1, 6), sources * width);
            Indices = o.Take<int>(outputs * Count);
            for (int i = 0; i < outputs * Count; i++) Indices[i] = o.Random.Next(sources);
            X = o.Floats(Length, Fill.Outliers);
            Weights = o.Floats(outputs * Count);
        }
    }

    private static void Rows(Operands o)
    {
        int n = KernelProperty.Length(o.Random), sources = o.Random.Next(1, 6);
        var t = new Taps(o, 1, sources, n);
        float* expected = o.Take<float>(n), magnitude = o.Take<float>(n);
        ResampleRows.Table.Reference(t.X, n, t.Indices, t.Weights, t.Count, expected, n);
        ResampleRows.Table.Reference(Magnitudes(o, t.X, t.Length), n, t.Indices, Magnitudes(o, t.Weights, t.Count), t.Count, magnitude, n);
        foreach (string tier in KernelProperty.Fast(ResampleRows.Table))
        {
            float* y = o.Take<float>(n);
            ResampleRows.Table[tier](t.X, n, t.Indices, t.Weights, t.Count, y, n);
            KernelProperty.AssertClose($"resample-rows {tier} taps {t.Count}", expected, y, magnitude, n, 1e-6);
        }
    }

    private static void Pixels(Operands o)
    {
        int pixels = o.Random.Next(0, 40), sources = o.Random.Next(1, 20), n = pixels * 16;
        var t = new Taps(o, pixels, sources, 16);
        float* expected = o.Take<float>(n), magnitude = o.Take<float>(n);
        ResizeBlocked.Table.Reference(t.X, t.Indices, t.Weights, t.Count, expected, pixels);
        ResizeBlocked.Table.Reference(Magnitudes(o, t.X, t.Length), t.Indices, Magnitudes(o, t.Weights, pixels * t.Count), t.Count, magnitude, pixels);
        foreach (string tier in KernelProperty.Fast(ResizeBlocked.Table))
        {
            float* y = o.Take<float>(n);
            ResizeBlocked.Table[tier](t.X, t.Indices, t.Weights, t.Count, y, pixels);
            KernelProperty.AssertClose($"resize-blocked {tier} taps {t.Count}", expected, y, magnitude, n, 1e-6);
        }
    }

    private static void Depthwise(Operands o)
    {
        int n = KernelProperty.Length(o.Random), stride = o.Random.Next(1, 4);
        float f = o.Random.NextSingle();
        float* x = o.Floats(n == 0 ? 0 : (n - 1) * stride + 1, Fill.Outliers), start = o.Floats(n), expected = o.Copy(start, n);
        ConvDepthwiseF32.Table.Reference(f, x, stride, expected, n);
        foreach (string tier in KernelProperty.Fast(ConvDepthwiseF32.Table))
        {
            float* y = o.Copy(start, n);
            ConvDepthwiseF32.Table[tier](f, x, stride, y, n);
            KernelProperty.AssertClose($"conv-depthwise-f32 {tier} stride {stride}", expected, y, null, n, 1e-6);
        }
    }
}
