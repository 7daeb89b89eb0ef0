using Engine.Compression;
using Engine.Kernels;

namespace Engine.Tests.Compression;

/// <summary>Rounding of matrices: grids, error compensation, and the factor that it needs.</summary>
public sealed class RoundingTests
{
    private static readonly string[] s_schemes = ["int2", "int3-asym", "int4", "int4-g16-asym", "int5-channel", "w8", "w8-g32", "ternary", "sign", "nf4-g64", "mxfp4"];

    public static TheoryData<string> Schemes => [.. s_schemes];

    [Theory, MemberData(nameof(Schemes))]
    public void Nearest_codes_are_nearest_and_scales_hold_their_groups(string text)
    {
        var scheme = Scheme.Parse(text);
        const int rows = 9, columns = 77;
        float[] w = TestData.Floats(rows * columns, 3);
        var groups = scheme.Group == 0 ? ColumnGroups.Whole(columns) : ColumnGroups.Runs(columns, 1, scheme.Group);
        var coded = RoundToNearest.Run(w, rows, columns, groups, scheme, [], search: true, Workers.Single);
        var decoded = coded.Decode();
        var book = new CodeBook(scheme);
        for (int i = 0; i < w.Length; i++)
        {
            int g = i / columns * groups.Groups + groups.GroupOf[i % columns];
            float error = Math.Abs(w[i] - decoded[i]);
            for (int code = scheme.Kind == CodeKind.Ternary ? 1 : 0; code < 1 << scheme.Bits; code++)
            {
                // The lopsided code of symmetric 8 bits is left out on purpose.
                if (scheme is { Bits: 8 } && code == 0) continue;
                float other = Math.Abs(w[i] - coded.Scales[g] * book.Value(code, coded.Zeros[g]));
                Assert.True(error <= other + 1e-6f, $"weight {i}: error {error} with code {coded.Codes[i]}, {other} with {code}");
            }
        }
    }

    [Theory, MemberData(nameof(Schemes))]
    public void Searching_the_clipping_range_never_makes_the_error_larger(string text)
    {
        var scheme = Scheme.Parse(text);
        const int rows = 16, columns = 256;
        var random = new Random(4);
        // Heavy tails, as weights have them.
        float[] w = [.. Enumerable.Range(0, rows * columns).Select(_ => MathF.Pow(random.NextSingle() * 2 - 1, 5))];
        var groups = scheme.Group == 0 ? ColumnGroups.Whole(columns) : ColumnGroups.Runs(columns, 1, scheme.Group);
        double Error(bool search) => OutputError.Of([(w, RoundToNearest.Run(w, rows, columns, groups, scheme, [], search, Workers.Single).Decode())]).RelativeRmse;
        Assert.True(Error(true) <= Error(false) * (1 + 1e-6));
        if (scheme.Bits <= 4 && scheme.Kind == CodeKind.Integer) Assert.True(Error(true) < Error(false) * 0.99);
    }

    [Theory]
    [InlineData("int4", 1, 160)]
    [InlineData("int4", 1, 9)]
    [InlineData("int3-g64", 1, 131)]
    [InlineData("int2-channel", 1, 257)]
    [InlineData("ternary", 1, 127)]
    [InlineData("nf4", 1, 33)]
    [InlineData("int4-asym", 3, 158)]
    public void Compensation_loses_less_than_nearest_codes(string text, int parts, int columns)
    {
        var scheme = Scheme.Parse(text);
        const int part = 24, samples = 600;
        float[] w = TestData.Floats(parts * part * columns, 5);
        // Inputs depend on each other, as activations do: there is something to make up with.
        var inputs = Enumerable.Range(0, parts).Select(p => TestData.Correlated(samples, columns, 6 + p)).ToList();
        var grams = inputs.ConvertAll(x => Products.Gram(x, samples, columns, Workers.Single));
        var groups = scheme.Group == 0 ? ColumnGroups.Whole(columns) : ColumnGroups.Runs(columns, 1, scheme.Group);
        double Error(CodedMatrix coded)
        {
            float[] rough = coded.Decode();
            int size = part * columns;
            return OutputError.Of(Enumerable.Range(0, parts).Select(p => (Products.TimesTransposed(inputs[p], samples, w[(p * size)..((p + 1) * size)], part, columns, Workers.Single),
                Products.TimesTransposed(inputs[p], samples, rough[(p * size)..((p + 1) * size)], part, columns, Workers.Single)))).RelativeRmse;
        }
        double nearest = Error(RoundToNearest.Run(w, parts * part, columns, groups, scheme, [], search: true, Workers.Single));
        foreach (bool order in (bool[])[false, true])
        {
            double compensated = Error(new Gptq(w, parts * part, columns, grams, new GptqOptions(order), Workers.Single).Round(groups, scheme));
            Assert.True(compensated < (columns > 32 ? 0.9 : 1) * nearest, $"act-order {order}: {compensated} against {nearest}");
        }
    }

    [Fact]
    public void Compensation_gives_the_same_codes_for_any_number_of_threads()
    {
        const int rows = 40, columns = 200;
        float[] w = TestData.Floats(rows * columns, 7), h = Products.Gram(TestData.Correlated(300, columns, 8), 300, columns, Workers.Single);
        using var workers = new Workers(3);
        var one = new Gptq(w, rows, columns, [h], new(), Workers.Single).Round(ColumnGroups.Runs(columns, 1, 32), Scheme.Parse("int4"));
        var three = new Gptq(w, rows, columns, [h], new(), workers).Round(ColumnGroups.Runs(columns, 1, 32), Scheme.Parse("int4"));
        Assert.Equal(one.Codes, three.Codes);
    }

    [Fact]
    public void Inputs_that_are_zero_leave_the_nearest_codes()
    {
        float[] w = TestData.Floats(8 * 32, 9);
        var groups = ColumnGroups.Runs(32, 1, 32);
        var coded = new Gptq(w, 8, 32, [new float[32 * 32]], new(), Workers.Single).Round(groups, Scheme.Parse("int4"));
        Assert.Equal(RoundToNearest.Run(w, 8, 32, groups, Scheme.Parse("int4"), [], search: true, Workers.Single).Codes, coded.Codes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(150)]
    public void Factors_multiply_back(int n)
    {
        float[] x = TestData.Floats(2 * n * n, n);
        var a = new double[n * n];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
            {
                for (int k = 0; k < 2 * n; k++) a[i * n + j] += (double)x[k * n + i] * x[k * n + j];
                if (i == j) a[i * n + j] += 0.1;
            }
        double[] l = [.. a], u = [.. a];
        Assert.True(Cholesky.Lower(l, n, Workers.Single));
        Assert.True(Cholesky.InverseUpper(u, n, Workers.Single));
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
            {
                double product = 0, identity = 0;
                for (int k = 0; k < n; k++) product += l[i * n + k] * l[j * n + k];
                Assert.Equal(a[i * n + j], product, 1e-9 * n);
                // A · (Uᵀ · U) = I
                for (int k = 0; k < n; k++)
                {
                    double inverse = 0;
                    for (int m = 0; m < n; m++) inverse += u[m * n + k] * u[m * n + j];
                    identity += a[i * n + k] * inverse;
                }
                Assert.Equal(i == j ? 1 : 0, identity, 1e-6);
                if (i > j) Assert.Equal(0, u[i * n + j]);
                if (i < j) Assert.Equal(0, l[i * n + j]);
            }
    }

    [Fact]
    public void What_is_not_positive_definite_has_no_factor() => Assert.False(Cholesky.Lower([1, 2, 2, 1], 2, Workers.Single));

    [Fact]
    public void Groups_of_filters_run_along_channels_a_tap_at_a_time()
    {
        var g = ColumnGroups.Runs(channels: 5, taps: 2, group: 3);
        Assert.Equal((4, "0 1 0 1 0 1 2 3 2 3"), (g.Groups, string.Join(' ', g.GroupOf)));
        Assert.Equal([[0, 2, 4], [1, 3, 5], [6, 8], [7, 9]], g.Members());
    }
}
