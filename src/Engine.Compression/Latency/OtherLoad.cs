using System.Globalization;

namespace Engine.Compression;

/// <summary>How much of the machine's processors other programs took while something was measured (Linux; elsewhere unknown).</summary>
public sealed class OtherLoad
{
    private const double TicksPerSecond = 100;

    private readonly (double Busy, double All)? _machine = ReadMachine();
    private readonly double _own = Environment.CpuUsage.TotalTime.TotalSeconds;

    /// <summary>Share of all processors since this object was made, in percent; null where the system does not tell.</summary>
    public double? Percent()
    {
        if (_machine is not { } before || ReadMachine() is not { } now || now.All <= before.All) return null;
        return Percent(now.Busy - before.Busy, Environment.CpuUsage.TotalTime.TotalSeconds - _own, now.All - before.All);
    }

    /// <summary>From seconds of all processors: busy, with this program, and all there were.</summary>
    public static double Percent(double busy, double own, double all) => Math.Clamp(100 * (busy - own) / all, 0, 100);

    /// <summary>Seconds that the processors were busy, and all, from the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.</summary>
    public static (double Busy, double All)? Parse(string line)
    {
        string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 9 || fields[0] != "cpu") return null;
        double idle = 0, all = 0;
        for (int i = 1; i <= 8; i++)
        {
            if (!double.TryParse(fields[i], NumberStyles.None, CultureInfo.InvariantCulture, out double ticks)) return null;
            all += ticks;
            if (i is 4 or 5) idle += ticks;
        }
        return ((all - idle) / TicksPerSecond, all / TicksPerSecond);
    }

    private static (double Busy, double All)? ReadMachine()
    {
        try
        {
            return OperatingSystem.IsLinux() ? Parse(File.ReadLines("/proc/stat").First()) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return null;
        }
    }
}
