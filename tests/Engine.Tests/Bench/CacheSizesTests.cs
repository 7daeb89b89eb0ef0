using Engine.Bench;

namespace Engine.Tests.Bench;

/// <summary>Sizes of caches as Linux tells them.</summary>
public sealed class CacheSizesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("engine-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    private void Cache(string index, string level, string type, string size)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, index)).FullName;
        File.WriteAllText(Path.Combine(folder, "level"), level + "\n");
        File.WriteAllText(Path.Combine(folder, "type"), type + "\n");
        File.WriteAllText(Path.Combine(folder, "size"), size + "\n");
    }

    [Fact]
    public void Instruction_caches_do_not_count()
    {
        Cache("index0", "1", "Data", "48K");
        Cache("index1", "1", "Instruction", "32K");
        Cache("index2", "2", "Unified", "1M");
        Cache("index3", "3", "Unified", "32768K");
        Assert.Equal(new CacheSizes(48 << 10, 1 << 20, 32 << 20), CacheSizes.Read(_folder));
    }

    [Fact]
    public void What_is_not_told_has_a_common_size() => Assert.Equal(new CacheSizes(32 << 10, 1 << 20, 0), CacheSizes.Read(Path.Combine(_folder, "none")));

    [Fact]
    public void Working_sets_fit_their_level_and_no_lower_one()
    {
        var sizes = new CacheSizes(48 << 10, 1 << 20, 32 << 20);
        foreach (int threads in new[] { 1, 2, 4 })
            foreach (var (level, bytes) in sizes.Working(threads)) Assert.Equal(level, sizes.LevelOf(bytes * threads, threads));
        Assert.DoesNotContain(new CacheSizes(48 << 10, 1 << 20, 0).Working(1), w => w.Level == LimitKind.L3);
        Assert.Equal(LimitKind.Dram, new CacheSizes(48 << 10, 1 << 20, 0).LevelOf(4 << 20, 1));
    }
}
