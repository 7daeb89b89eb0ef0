using System.Text.RegularExpressions;

namespace Engine.Ptx.Tests;

/// <summary>Faults planted in kernels that are right: each is found, by the check that should find it.</summary>
public sealed class FaultTests
{
    private static readonly PtxAsyncMode[] Modes = Enum.GetValues<PtxAsyncMode>();

    private static PtxEntry Edited(string module, string entry, Func<string, string> edit)
    {
        string text = Kernels.Text(module), changed = edit(text);
        Assert.NotEqual(text, changed);
        return PtxModule.Parse(changed, module + ".ptx").Entries[entry];
    }

    /// <summary>Replaces the one match of a pattern within a kernel.</summary>
    private static PtxEntry Planted(string module, string entry, string pattern, string replacement)
    {
        return Edited(module, entry, text =>
        {
            int start = text.IndexOf($".entry {entry}(", StringComparison.Ordinal), end = text.IndexOf("-- End function", start, StringComparison.Ordinal);
            return text[..start] + Regex.Replace(text[start..end], pattern, replacement) + text[end..];
        });
    }

    private static PtxFaultKind[] Kinds(PtxReport report) => [.. report.Faults.Select(f => f.Kind).Distinct()];

    [Fact]
    public void Dropped_barrier()
    {
        PtxEntry entry = Planted("pipeline", "gemm", @"bar\.sync\s+0;", "");
        foreach (PtxAsyncMode mode in Modes)
        {
            (PtxReport report, _) = PipelineTests.Multiply(entry, new PtxOptions { AsyncMode = mode }, 32, 96);
            Assert.Contains(Kinds(report), k => k is PtxFaultKind.Race or PtxFaultKind.AsyncRace);
            Assert.All(report.Faults, f => Assert.Contains("shared memory", f.Message));
        }
    }

    [Fact]
    public void Dropped_barrier_of_a_reduction()
    {
        var device = new PtxDevice();
        PtxReport report = device.Launch(Planted("basics", "rowSum", @"bar\.sync\s+0;", ""), 1, 256, 0, device.Upload<float>("x", BasicsTests.Floats(256, 1)), device.Allocate(4, "sums"), 256);
        Assert.Equal([PtxFaultKind.Race], Kinds(report));
        Assert.Contains("ld.shared", report.Faults[0].Text);
        Assert.True(report.Faults[0].Line > 1);
    }

    [Fact]
    public void Wait_for_one_group_too_few()
    {
        PtxEntry entry = Planted("pipeline", "gemm", @"wait_group 1", "wait_group 2");
        foreach (PtxAsyncMode mode in Modes)
            Assert.Contains(PtxFaultKind.AsyncRace, Kinds(PipelineTests.Multiply(entry, new PtxOptions { AsyncMode = mode }, 32, 96).Report));
    }

    [Fact]
    public void Late_copies_give_wrong_sums_where_nobody_watches()
    {
        PtxEntry entry = Planted("pipeline", "gemm", @"wait_group 1", "wait_group 2");
        var options = new PtxOptions { Races = PtxRaceChecks.None };
        Assert.False(PipelineTests.Multiply(entry, options with { AsyncMode = PtxAsyncMode.Worst }, 32, 96).IsRight);
    }

    [Fact]
    public void Swapped_fragments()
    {
        PtxEntry entry = Planted("pipeline", "gemm", @"\{(%r\d+),(%r\d+),(%r\d+),(%r\d+)\},\{(%r\d+),(%r\d+)\}", "{$1,$3,$2,$4},{$5,$6}");
        (PtxReport report, bool right) = PipelineTests.Multiply(entry, new PtxOptions(), 32, 64);
        Assert.True(report.IsClean);
        Assert.False(right);
    }

    private static PtxReport Axpy(PtxEntry entry, int n, bool uploaded = true)
    {
        var device = new PtxDevice();
        PtxBuffer y = uploaded ? device.Upload<float>("y", new float[n]) : device.Allocate(n * 4, "y");
        return device.Launch(entry, (uint)(n + 63) / 64, 64, 0, device.Upload<float>("x", new float[n]), y, device.Allocate(n * 4, "z"), 1f, n);
    }

    [Theory]
    [InlineData(@"setp\.ge\.s32", "setp.gt.s32", PtxFaultKind.OutOfBounds)]
    [InlineData(@"@%p1 bra\s+\$L__BB0_2;", "", PtxFaultKind.OutOfBounds)]
    [InlineData(@"\[%rd3\]", "[%rd3+2]", PtxFaultKind.Misaligned)]
    [InlineData(@"\[%rd3\]", "[%rd3+-4]", PtxFaultKind.OutOfBounds)]
    public void Wrong_addresses(string pattern, string replacement, PtxFaultKind kind)
    {
        PtxReport report = Axpy(Planted("basics", "axpy", pattern, replacement), 100);
        Assert.Equal([kind], Kinds(report));
        Assert.Contains("'x", report.Faults[0].Message);
        Assert.Contains("ld.global.f32", report.Faults[0].Text);
    }

    [Fact]
    public void Bytes_that_nobody_wrote()
    {
        PtxReport report = Axpy(Kernels.Entry("basics", "axpy"), 100, uploaded: false);
        Assert.Equal([PtxFaultKind.Unwritten], Kinds(report));
        Assert.Contains("'y'", report.Faults[0].Message);
        Assert.Throws<PtxFaultException>(() => report.Check());
    }

    [Fact]
    public void Results_that_nobody_wrote()
    {
        var device = new PtxDevice();
        PtxBuffer z = device.Allocate(400, "z");
        device.Launch(Kernels.Entry("basics", "axpy"), 1, 64, 0, device.Upload<float>("x", new float[100]), device.Upload<float>("y", new float[100]), z, 1f, 100).Check();
        Assert.Equal(256, z.FirstUnwritten(0, 400));
        Assert.Contains("byte 256 of 'z'", Assert.Throws<PtxFaultException>(() => z.Download<float>(100)).Message);
    }

    [Fact]
    public void Guard_zones_and_sealed_ranges_inside_of_a_buffer()
    {
        var device = new PtxDevice();
        PtxBuffer arena = device.Allocate(1024, "arena", written: true);
        arena.NameObject(0, 256, "left");
        arena.Guard(256, 64);
        arena.NameObject(320, 400, "right");
        ulong x = arena.Address, z = arena.Address + 320;
        PtxEntry entry = Kernels.Entry("basics", "axpy");
        Assert.True(device.Launch(entry, 1, 64, 0, x, x, z, 1f, 64).IsClean);
        PtxReport over = device.Launch(entry, 2, 64, 0, x, x, z, 1f, 65);
        Assert.Equal([PtxFaultKind.OutOfBounds], Kinds(over));
        Assert.Contains("'arena' + 256", over.Faults[0].Message);
        arena.Seal(320, 400);
        PtxReport written = device.Launch(entry, 1, 64, 0, x, x, z, 1f, 64);
        Assert.Equal([PtxFaultKind.ReadOnly], Kinds(written));
        Assert.Contains("'arena/right'", written.Faults[0].Message);
    }

    [Fact]
    public void Results_published_without_a_fence()
    {
        PtxEntry entry = Edited("basics", "lastBlock", t => Regex.Replace(t, @"membar\.gl;", ""));
        var device = new PtxDevice();
        PtxReport report = device.Launch(entry, 7, 64, 0, device.Upload<float>("x", new float[100]), device.Allocate(28, "partial"), device.Allocate(4, "sum"), 100);
        Assert.Equal([PtxFaultKind.Race], Kinds(report));
        Assert.Contains("'partial'", report.Faults[0].Message);
    }

    [Fact]
    public void A_grid_that_does_not_wait()
    {
        PtxEntry entry = Planted("pipeline", "neighbours", @"@%p2 bra", "@!%p2 bra");
        var device = new PtxDevice(new PtxOptions { Budget = 100_000 });
        PtxReport report = device.Launch(entry, 5, 64, 0, device.Upload<uint>("x", new uint[320]), device.Allocate(1280, "passed", written: true), device.Allocate(1280, "y"));
        Assert.Contains(Kinds(report), k => k is PtxFaultKind.Race or PtxFaultKind.Budget);
    }

    private static PtxReport Run(string declarations, string body, uint block = 64, uint grid = 1, PtxOptions? options = null)
    {
        var device = new PtxDevice(options);
        PtxEntry entry = Kernels.Inline(declarations, "ld.param.u64 %rd1, [in];\nld.param.u64 %rd2, [out];\nmov.u32 %r1, %tid.x;\nmov.u32 %r2, %ctaid.x;\nshl.b32 %r3, %r1, 2;\nmul.wide.u32 %rd3, %r1, 4;\nadd.s64 %rd2, %rd2, %rd3;\n" + body);
        return device.Launch(entry, grid, block, 0, device.Upload<uint>("in", new uint[1024]), device.Allocate(4096, "out"));
    }

    [Fact]
    public void Exchange_within_a_warp()
    {
        const string store = "mov.u32 %r4, s; add.u32 %r4, %r4, %r3; st.shared.u32 [%r4], %r1;", load = "xor.b32 %r5, %r3, 4; mov.u32 %r6, s; add.u32 %r6, %r6, %r5; ld.shared.u32 %r7, [%r6]; st.global.u32 [%rd2], %r7;";
        Assert.Equal([PtxFaultKind.Race], Kinds(Run(".shared .b32 s[64];", store + load)));
        Assert.True(Run(".shared .b32 s[64];", store + "bar.warp.sync 0xffffffff;" + load).IsClean);
        Assert.True(Run(".shared .b32 s[64];", store + "bar.sync 0;" + load).IsClean);
    }

    [Fact]
    public void Blocks_that_write_one_word()
    {
        Assert.Equal([PtxFaultKind.Race], Kinds(Run("", "st.global.u32 [%rd2], %r2;", grid: 2)));
        Assert.True(Run("", "st.global.u32 [%rd2], %r2;", grid: 1).IsClean);
        Assert.True(Run("", "atom.global.exch.b32 %r4, [%rd1], %r2;", grid: 8).IsClean);
    }

    [Fact]
    public void Threads_that_write_the_same_value_to_one_word() => Assert.True(Run(".shared .b32 s[1];", "mov.u32 %r4, 7; st.shared.u32 [s], %r4;").IsClean);

    [Fact]
    public void Waiting_for_ever()
    {
        Assert.Equal([PtxFaultKind.Deadlock], Kinds(Run("", "bar.sync 1, 96;")));
        Assert.Equal([PtxFaultKind.Deadlock], Kinds(Run("", "setp.lt.u32 %p1, %r1, 32;\n@%p1 bra a;\nbar.sync 1;\nbra b;\na: bar.sync 2;\nb:")));
        Assert.True(Run("", "bar.sync 1, 64;").IsClean);
    }

    [Fact]
    public void Lanes_that_do_not_meet()
    {
        const string half = "and.b32 %r4, %r1, 1;\nsetp.eq.u32 %p1, %r4, 0;\n";
        Assert.Equal([PtxFaultKind.Divergence], Kinds(Run("", half + "@%p1 bra a;\nshfl.sync.bfly.b32 %r5, %r1, 1, 31, -1;\nbra b;\na: bar.sync 0;\nb:")));
        Assert.Equal([PtxFaultKind.Divergence], Kinds(Run("", half + "@%p1 shfl.sync.bfly.b32 %r5, %r1, 1, 31, -1;")));
        Assert.Equal([PtxFaultKind.Divergence], Kinds(Run("", half + "@%p1 bra a;\nbra b;\na: shfl.sync.bfly.b32 %r5, %r1, 1, 31, 0x55555555;\nb:")));
        Assert.True(Run("", half + "@%p1 bra a;\nbra b;\na: shfl.sync.bfly.b32 %r5, %r1, 2, 31, 0x55555555;\nb:").IsClean);
    }

    [Fact]
    public void Loops_without_an_end_and_traps()
    {
        Assert.Equal([PtxFaultKind.Budget], Kinds(Run("", "a: bra a;", options: new PtxOptions { Budget = 10_000 })));
        Assert.Equal([PtxFaultKind.Trap], Kinds(Run("", "trap;")));
    }

    [Fact]
    public void Shared_and_local_memory_have_ends()
    {
        Assert.Equal([PtxFaultKind.OutOfBounds], Kinds(Run(".shared .b32 s[63];", "mov.u32 %r4, s; add.u32 %r4, %r4, %r3; st.shared.u32 [%r4], %r1;")));
        Assert.Equal([PtxFaultKind.Misaligned], Kinds(Run(".shared .b32 s[63];", "ld.shared.u32 %r4, [s+2];")));
        Assert.Equal([PtxFaultKind.OutOfBounds], Kinds(Run("", ".local .b32 l[4];\nst.local.u32 [l+16], %r1;")));
        Assert.Equal([PtxFaultKind.OutOfBounds], Kinds(Run("", "ld.param.u64 %rd5, [in+16];")));
    }

    [Fact]
    public void Launches_that_no_device_takes()
    {
        var device = new PtxDevice();
        PtxEntry entry = Kernels.Entry("basics", "rowSum");
        byte[] block = new byte[entry.ParameterBytes];
        Assert.Throws<PtxLaunchException>(() => device.Launch(entry, (1, 1, 1), (257, 1, 1), 0, block));
        Assert.Throws<PtxLaunchException>(() => device.Launch(entry, (0, 1, 1), (32, 1, 1), 0, block));
        Assert.Throws<PtxLaunchException>(() => device.Launch(entry, (1, 1, 1), (32, 1, 1), 1 << 20, block));
        Assert.Throws<PtxLaunchException>(() => device.Launch(entry, (1, 1, 1), (32, 1, 1), 0, block.AsSpan(1)));
        Assert.Throws<PtxLaunchException>(() => device.Allocate(-1, "x"));
        Assert.Throws<PtxLaunchException>(() => device.Locate(5));
    }
}
