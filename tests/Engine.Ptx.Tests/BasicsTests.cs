namespace Engine.Ptx.Tests;

/// <summary>Whole kernels as the compiler writes them.</summary>
public sealed class BasicsTests
{
    public static TheoryData<int> Seeds => [1, 2, 3];

    [Theory, MemberData(nameof(Seeds))]
    public void Elementwise_with_a_tail(int seed)
    {
        var device = new PtxDevice(new PtxOptions { Seed = seed });
        const int n = 1000;
        float[] x = Floats(n, seed), y = Floats(n, seed + 1);
        PtxBuffer z = device.Allocate(n * 4, "z");
        PtxReport report = device.Launch(Kernels.Entry("basics", "axpy"), 4, 256, 0, device.Upload<float>("x", x), device.Upload<float>("y", y), z, 1.5f, n).Check();
        Assert.Equal(Enumerable.Range(0, n).Select(i => MathF.FusedMultiplyAdd(1.5f, x[i], y[i])), z.Download<float>(n));
        Assert.Equal(2 * n * 4, report.GlobalBytesRead);
        Assert.Equal(n * 4, report.GlobalBytesWritten);
        Assert.Equal(n, report.Instructions["fma.rn.f32"]);
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Reduction_by_shuffles_and_shared_memory(int seed)
    {
        var device = new PtxDevice(new PtxOptions { Seed = seed });
        foreach (int n in (int[])[1, 31, 256, 1000])
        {
            int[] whole = [.. Enumerable.Range(0, 5 * n).Select(i => (i * 7919 + seed) % 100)];
            PtxBuffer sums = device.Allocate(5 * 4, "sums");
            device.Launch(Kernels.Entry("basics", "rowSum"), 5, 256, 0, device.Upload<float>("x", [.. whole.Select(v => (float)v)]), sums, n).Check();
            Assert.Equal(Enumerable.Range(0, 5).Select(r => (float)whole.Skip(r * n).Take(n).Sum()), sums.Download<float>(5));
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Loops_of_different_lengths(int seed)
    {
        var device = new PtxDevice(new PtxOptions { Seed = seed });
        uint[] x = [.. Enumerable.Range(1, 100).Select(i => (uint)i)];
        PtxBuffer steps = device.Allocate(400, "steps");
        device.Launch(Kernels.Entry("basics", "collatz"), 2, 64, 0, device.Upload<uint>("x", x), steps, 100).Check();
        Assert.Equal(x.Select(Collatz), steps.Download<uint>(100));
    }

    [Theory]
    [InlineData(PtxAsyncMode.Worst, 1)]
    [InlineData(PtxAsyncMode.Worst, 2)]
    [InlineData(PtxAsyncMode.Eager, 1)]
    public void Tiles_in_shared_memory_fetched_asynchronously(PtxAsyncMode mode, int seed)
    {
        var device = new PtxDevice(new PtxOptions { Seed = seed, AsyncMode = mode });
        const int rows = 64, columns = 96;
        float[] x = Floats(rows * columns, seed);
        PtxBuffer y = device.Allocate(rows * columns * 4, "y");
        PtxEntry entry = Kernels.Entry("basics", "transpose");
        device.Launch(entry, (columns / 32, rows / 32, 1), (32, 32, 1), 32 * 36 * 4, Kernels.Block(entry, device.Upload<float>("x", x), y, rows, columns)).Check();
        float[] actual = y.Download<float>(rows * columns);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) Assert.Equal(x[r * columns + c], actual[c * rows + r]);
    }

    [Theory, MemberData(nameof(Seeds))]
    public void The_last_block_adds_up(int seed)
    {
        var device = new PtxDevice(new PtxOptions { Seed = seed });
        float[] x = [.. Enumerable.Range(0, 100).Select(i => (float)i)];
        PtxBuffer sum = device.Allocate(4, "sum");
        for (int run = 0; run < 2; run++)
        {
            device.Launch(Kernels.Entry("basics", "lastBlock"), 7, 64, 0, device.Upload<float>("x", x), device.Allocate(28, "partial"), sum, 100).Check();
            Assert.Equal(4950f, sum.Download<float>(1)[0]);
        }
    }

    [Fact]
    public void Several_threads_give_the_same_result()
    {
        var device = new PtxDevice(new PtxOptions { Races = PtxRaceChecks.Shared, Threads = 2 });
        float[] x = Floats(64 * 100, 5);
        PtxBuffer sums = device.Allocate(64 * 4, "sums"), again = device.Allocate(64 * 4, "again");
        PtxBuffer input = device.Upload<float>("x", x);
        device.Launch(Kernels.Entry("basics", "rowSum"), 64, 256, 0, input, sums, 100).Check();
        device.Launch(Kernels.Entry("basics", "rowSum"), 64, 256, 0, input, again, 100).Check();
        Assert.Equal(sums.Download<float>(64), again.Download<float>(64));
    }

    private static uint Collatz(uint v)
    {
        uint count = 0;
        for (; v != 1; count++) v = v % 2 != 0 ? 3 * v + 1 : v / 2;
        return count;
    }

    internal static float[] Floats(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 4 - 2)];
    }
}
