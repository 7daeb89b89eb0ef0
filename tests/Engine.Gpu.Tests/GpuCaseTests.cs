using Engine.Cuda;
using Engine.Ptx;
using Engine.SelfTest;

namespace Engine.Gpu.Tests;

/// <summary>Every case of every entry that ships, on the interpreter: results, races, memory out of bounds, bytes that nobody wrote.</summary>
public sealed class GpuCaseTests
{

    public static TheoryData<string, int> Entries
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var f in KernelLibrary.Manifest.Files)
                foreach (var e in f.Entries) data.Add(e.Name, f.Capability);
            return data;
        }
    }

    [Theory, MemberData(nameof(Entries))]
    public void Entry(string entry, int capability)
    {
        var cases = GpuCases.All.Where(c => c.Entry == entry).ToList();
        var faults = new List<string>();
        for (int i = 0; i < cases.Count; i++)
        {
            // Copies as late and as early as is allowed, warps in another order every time.
            var device = new InterpreterDevice(new PtxOptions { Seed = i + 1, AsyncMode = i % 2 == 0 ? PtxAsyncMode.Worst : PtxAsyncMode.Eager, Slice = 16 << i % 5 }, capability);
            using var kernels = new GpuKernels(device);
            using var stream = device.CreateStream();
            var result = GpuRunner.Run(cases[i], kernels, stream);
            if (!result.Passed) faults.Add($"{cases[i].Name}: {result.Error}");
        }
        Assert.True(faults.Count == 0, string.Join('\n', faults.Take(5)));
    }

    [Theory, MemberData(nameof(Entries))]
    public void Has_twenty_cases(string entry, int capability)
    {
        Assert.True(capability > 0);
        Assert.True(GpuCases.All.Count(c => c.Entry == entry) >= 20, $"{entry}: {GpuCases.All.Count(c => c.Entry == entry)} cases");
    }

    [Fact]
    public void Cases_have_names_of_their_own_and_entries_that_ship()
    {
        Assert.Equal(GpuCases.All.Count, GpuCases.All.Select(c => c.Name).Distinct().Count());
        var entries = KernelLibrary.Manifest.Files.SelectMany(f => f.Entries.Select(e => (f.Stem, e.Name))).ToHashSet();
        Assert.All(GpuCases.All, c => Assert.Contains((c.Stem, c.Entry), entries));
    }
}
