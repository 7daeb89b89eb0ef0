using System.Globalization;

namespace Engine.Bench;

/// <summary>Bytes of the data caches: the first two levels belong to a core, the third to all.</summary>
internal sealed record CacheSizes(long L1, long L2, long L3)
{
    private const string Folder = "/sys/devices/system/cpu/cpu0/cache";

    /// <summary>What Linux tells of the first processor; common sizes where nothing is told.</summary>
    public static CacheSizes OfThisMachine { get; } = Read(Folder);

    /// <summary>Bytes of a thread that lie in one level and no lower one, multiples of 4 KiB.</summary>
    public IEnumerable<(LimitKind Level, long Bytes)> Working(int threads)
    {
        yield return (LimitKind.L1, Round(L1 / 2));
        yield return (LimitKind.L2, Round(L2 / 2));
        // Where half the third level is no more than the second, nothing can be said of it.
        if (L3 / 2 / threads > L2) yield return (LimitKind.L3, Round(Math.Max(2 * L2, L3 / 4 / threads)));
        yield return (LimitKind.Dram, Round(Math.Max(256L << 20, 4 * L3) / threads));
    }

    /// <summary>The lowest level that holds <paramref name="bytes"/> in equal parts, a thread each.</summary>
    public LimitKind LevelOf(double bytes, int threads) => bytes <= L1 * threads ? LimitKind.L1 : bytes <= L2 * threads ? LimitKind.L2 : bytes <= L3 && L3 > L2 * threads ? LimitKind.L3 : LimitKind.Dram;

    private static long Round(long bytes) => Math.Max(4096, bytes / 4096 * 4096);

    /// <summary>Reads the folders index0, index1, … of sysfs.</summary>
    public static CacheSizes Read(string folder)
    {
        long[] sizes = [32 << 10, 1 << 20, 0];
        try
        {
            foreach (string index in Directory.EnumerateDirectories(folder, "index*"))
            {
                string Field(string name) => File.ReadAllText(Path.Combine(index, name)).Trim();
                if (Field("type") == "Instruction" || !int.TryParse(Field("level"), NumberStyles.None, CultureInfo.InvariantCulture, out int level) || level is < 1 or > 3) continue;
                string size = Field("size");
                long unit = size.EndsWith('K') ? 1 << 10 : size.EndsWith('M') ? 1 << 20 : 1;
                if (long.TryParse(size.TrimEnd('K', 'M'), NumberStyles.None, CultureInfo.InvariantCulture, out long n) && n > 0) sizes[level - 1] = n * unit;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
        return new(sizes[0], sizes[1], sizes[2]);
    }
}
