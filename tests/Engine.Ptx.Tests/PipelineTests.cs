namespace Engine.Ptx.Tests;

/// <summary>Larger kernels as the compiler writes them, over seeds and both ways of asynchronous copies.</summary>
public sealed class PipelineTests
{
    public static TheoryData<int, PtxAsyncMode> Runs
    {
        get
        {
            var runs = new TheoryData<int, PtxAsyncMode>();
            for (int seed = 1; seed <= 4; seed++)
                foreach (PtxAsyncMode mode in Enum.GetValues<PtxAsyncMode>()) runs.Add(seed, mode);
            return runs;
        }
    }

    [Theory, MemberData(nameof(Runs))]
    public void Product_in_three_stages(int seed, PtxAsyncMode mode)
    {
        foreach ((int n, int k) in ((int, int)[])[(32, 16), (32, 64), (70, 96), (5, 160)])
        {
            (PtxReport report, bool right) = Multiply(Kernels.Entry("pipeline", "gemm"), new PtxOptions { Seed = seed, AsyncMode = mode }, n, k);
            report.Check();
            Assert.True(right);
        }
    }

    [Theory, MemberData(nameof(Runs))]
    public void Barrier_of_the_grid(int seed, PtxAsyncMode mode)
    {
        var device = new PtxDevice(new PtxOptions { Seed = seed, AsyncMode = mode });
        uint[] x = [.. Enumerable.Range(0, 9 * 64).Select(i => (uint)i)];
        PtxBuffer y = device.Allocate(9 * 64 * 4, "y");
        device.Launch(Kernels.Entry("pipeline", "neighbours"), 9, 64, 0, device.Upload<uint>("x", x), device.Allocate(9 * 64 * 4, "passed"), y).Check();
        Assert.Equal(x.Select((_, i) => (uint)((i + 64) % (9 * 64)) * 3), y.Download<uint>(9 * 64));
    }

    [Theory, MemberData(nameof(Runs))]
    public void Calls_and_local_arrays(int seed, PtxAsyncMode mode)
    {
        var device = new PtxDevice(new PtxOptions { Seed = seed, AsyncMode = mode });
        var random = new Random(seed);
        uint[] x = [.. Enumerable.Range(0, 333).Select(_ => (uint)random.Next())];
        PtxBuffer y = device.Allocate(333 * 4, "y");
        device.Launch(Kernels.Entry("pipeline", "calls"), 6, 64, 0, device.Upload<uint>("x", x), y, 333).Check();
        Assert.Equal(x.Select(Switch), y.Download<uint>(333));
    }

    private static uint Switch(uint v) => (v % 7) switch
    {
        0 => Mix(v, 3),
        1 => v * 5 + 1,
        2 => Mix(v + 1, v),
        3 => v ^ 0x55,
        4 => v << 3,
        5 => v / 3,
        _ => ~v,
    };

    private static uint Mix(uint a, uint b) => (a * (a % 8) + b) ^ (a * (b % 8) + b);

    /// <summary>Launches the product and compares it with a plain one.</summary>
    internal static (PtxReport Report, bool IsRight) Multiply(PtxEntry entry, PtxOptions options, int n, int k)
    {
        var device = new PtxDevice(options);
        var random = new Random(n * 1000 + k);
        float[] a = [.. Enumerable.Range(0, 16 * k).Select(_ => random.Next(-16, 17) / 8f)], b = [.. Enumerable.Range(0, n * k).Select(_ => random.Next(-16, 17) / 8f)];
        PtxBuffer c = device.Allocate(16 * n * 4, "c");
        PtxReport report = device.Launch(entry, (uint)(n + 31) / 32, 128, 0, device.Upload<Half>("a", [.. a.Select(v => (Half)v)]), device.Upload<Half>("b", [.. b.Select(v => (Half)v)]), c, n, k);
        if (!report.IsClean || c.FirstUnwritten(0, 16 * n * 4) >= 0) return (report, false);
        float[] actual = c.Download<float>(16 * n);
        for (int i = 0; i < 16 * n; i++)
        {
            float sum = 0;
            for (int j = 0; j < k; j++) sum += a[i / n * k + j] * b[i % n * k + j];
            if (!(MathF.Abs(sum - actual[i]) <= 1e-3f)) return (report, false);
        }
        return (report, true);
    }
}
