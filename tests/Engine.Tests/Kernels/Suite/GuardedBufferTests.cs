using System.Globalization;

namespace Engine.Tests;

public unsafe class GuardedBufferTests
{
    [Fact]
    public void Pages_around_are_out_of_bounds()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var b = new GuardedBuffer(5000);
        nint start = (nint)b.Start, end = start + b.Bytes.Length;
        var maps = File.ReadLines("/proc/self/maps").Select(l => l.Split(' ')).Select(p => (Range: p[0].Split('-'), Rights: p[1])).Select(m => (From: Address(m.Range[0]), To: Address(m.Range[1]), m.Rights)).ToList();
        Assert.Contains(maps, m => m.From <= start - 1 && start - 1 < m.To && m.Rights.StartsWith("---", StringComparison.Ordinal));
        Assert.Contains(maps, m => m.From <= end && end < m.To && m.Rights.StartsWith("---", StringComparison.Ordinal));
        b.Bytes.Fill(1);
    }

    private static nint Address(string hexadecimal) => nint.Parse(hexadecimal, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
