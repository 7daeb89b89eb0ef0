using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Folds of rows and columns, and layer normalization.</summary>
internal static unsafe class ReduceProperties
{
    // Sums in f64 differ in their order alone; the products of the others carry a few roundings of f32.
    private const double Wide = 1e-12, Single = 1e-6;

    public static IEnumerable<KernelProperty> All =>
    [
        new(ReduceF32.Sum, 300, o => Sums(ReduceF32.Sum, Fill.Outliers, o)),
        new(ReduceF32.AbsoluteSum, 300, o => Sums(ReduceF32.AbsoluteSum, Fill.Outliers, o)),
        new(ReduceF32.SquareSum, 300, o => Sums(ReduceF32.SquareSum, Fill.Outliers, o)),
        new(ReduceF32.Product, 300, o => Sums(ReduceF32.Product, Fill.Plain, o)),
        new(ReduceF32.Max, 300, o => Extremes(ReduceF32.Max, o)),
        new(ReduceF32.Min, 300, o => Extremes(ReduceF32.Min, o)),
        new(RowSumF32.SquaredDistance, 300, o => RowSums(RowSumF32.SquaredDistance, 2, o)),
        new(RowSumF32.Exponentials, 300, o => RowSums(RowSumF32.Exponentials, 0, o)),
        new(LayerNormF32.Table, 500, LayerNorm),
    ];

    // Beyond a block of the sums in f32 too.
    private static int Length(Random r) => r.Next(8) == 0 ? r.Next(500, 2200) : KernelProperty.Length(r);

    private static void Sums(KernelTable<ReduceF32.Fn<double>> table, Fill fill, Operands o)
    {
        int n = Length(o.Random);
        bool columns = o.Random.Next(2) == 0;
        int states = columns ? n : 1;
        float* x = o.Floats(n, fill), magnitude = o.Take<float>(n);
        for (int i = 0; i < n; i++) magnitude[i] = Math.Abs(x[i]);
        double* start = o.Take<double>(states);
        for (int i = 0; i < states; i++) start[i] = o.Random.NextDouble();
        double* expected = o.Copy(start, states), scale = o.Copy(start, states);
        table.Reference(expected, x, n, columns);
        table.Reference(scale, magnitude, n, columns);
        foreach (string tier in KernelProperty.Fast(table))
        {
            double* y = o.Copy(start, states);
            table[tier](y, x, n, columns);
            for (int i = 0; i < states; i++)
                if (!(Math.Abs(y[i] - expected[i]) <= Wide * scale[i] + double.Epsilon)) Assert.Fail($"{table.Stem} {tier} columns {columns}: state {i} of {n} is {y[i]:g17}, expected {expected[i]:g17}");
        }
    }

    private static void Extremes(KernelTable<ReduceF32.Fn<float>> table, Operands o)
    {
        int n = Length(o.Random);
        bool columns = o.Random.Next(2) == 0;
        float* x = o.Floats(n, o.Random.Next(2) == 0 ? Fill.Anything : Fill.Outliers), start = o.Floats(columns ? n : 1), expected = o.Copy(start, columns ? n : 1);
        table.Reference(expected, x, n, columns);
        foreach (string tier in KernelProperty.Fast(table))
        {
            float* y = o.Copy(start, columns ? n : 1);
            table[tier](y, x, n, columns);
            KernelProperty.AssertClose($"{table.Stem} {tier} columns {columns} length {n}", expected, y, null, columns ? n : 1, 0);
        }
    }

    private static void RowSums(KernelTable<RowSumF32.Fn> table, float most, Operands o)
    {
        int n = Length(o.Random);
        float center = o.Random.NextSingle() * most;
        float* x = o.Floats(n);
        for (int i = 0; i < n; i++) x[i] = 5 * (x[i] - 1);
        double expected = table.Reference(x, n, center);
        foreach (string tier in KernelProperty.Fast(table))
        {
            double y = table[tier](x, n, center);
            if (!(Math.Abs(y - expected) <= Single * expected)) Assert.Fail($"{table.Stem} {tier} length {n}: {y:g17}, expected {expected:g17}");
        }
    }

    private static void LayerNorm(Operands o)
    {
        int n = Length(o.Random);
        bool centered = o.Random.Next(2) == 0, biased = o.Random.Next(2) == 0;
        float* x = o.Floats(n), scale = o.Floats(n), bias = o.Floats(n), expected = o.Take<float>(n);
        double* exact = o.Take<double>(2);
        LayerNormF32.Table.Reference(x, n, 1e-5, centered, scale, biased ? bias : null, expected, exact);
        foreach (string tier in KernelProperty.Fast(LayerNormF32.Table))
        {
            bool inPlace = o.Random.Next(2) == 0;
            float* from = inPlace ? o.Copy(x, n) : x, y = inPlace ? from : o.Take<float>(n);
            double* statistics = o.Take<double>(2);
            LayerNormF32.Table[tier](from, n, 1e-5, centered, scale, biased ? bias : null, y, statistics);
            KernelProperty.AssertClose($"layer-norm-f32 {tier} centered {centered} biased {biased}", expected, y, null, n, 4 * Single);
            for (int i = 0; i < 2; i++)
                if (!(Math.Abs(statistics[i] - exact[i]) <= Single * Math.Max(1, exact[i]))) Assert.Fail($"layer-norm-f32 {tier} length {n}: statistic {i} is {statistics[i]:g17}, expected {exact[i]:g17}");
        }
    }
}
