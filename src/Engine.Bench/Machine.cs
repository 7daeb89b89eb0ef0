using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Engine.Cli;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>Where the numbers were measured.</summary>
internal static class Machine
{
    /// <summary>Version of the JSON that is written.</summary>
    public const int SchemaVersion = 1;

    /// <summary>Name of the processor.</summary>
    public static string Cpu { get; } = ReadCpu();

    /// <summary>Instruction sets that .NET uses here, separated by spaces.</summary>
    public static string Isa { get; } = string.Join(' ', Sets());

    public static void Describe(Report report) => report
        .Add("schema_version", "schema version", SchemaVersion)
        .Add("engine_commit", "engine", Commit)
        .Add("date_utc", "date", DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture))
        .Add("cpu", "cpu", Cpu)
        .Add("processors", "processors", Environment.ProcessorCount)
        .Add("isa", "isa", Isa)
        .Add("os", "os", RuntimeInformation.OSDescription)
        .Add("runtime", "runtime", $"{RuntimeInformation.FrameworkDescription} {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}")
        .Add("native", "native kernels", NativeKernels.Status)
        .Add("tier", "forced tier", Environment.GetEnvironmentVariable("ENGINE_TIER"));

    /// <summary>Version and commit.</summary>
    private static string Commit => typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static string ReadCpu()
    {
        // The first 'model name' of x86 Linux, else what the environment of Windows says.
        try
        {
            foreach (string line in File.ReadLines("/proc/cpuinfo"))
                if (line.StartsWith("model name", StringComparison.Ordinal)) return line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";
    }

    private static IEnumerable<string> Sets()
    {
        if (Avx512F.IsSupported) yield return "avx512f";
        if (Avx512BW.IsSupported) yield return "avx512bw";
        if (Avx512DQ.IsSupported) yield return "avx512dq";
        if (Avx512Vbmi.IsSupported) yield return "avx512vbmi";
        if (Avx10v1.IsSupported) yield return "avx10.1";
        if (AvxVnni.IsSupported) yield return "avx-vnni";
        if (Avx2.IsSupported) yield return "avx2";
        if (Fma.IsSupported) yield return "fma";
        if (Sse42.IsSupported) yield return "sse4.2";
        if (AdvSimd.IsSupported) yield return "advsimd";
        if (Dp.IsSupported) yield return "dotprod";
    }
}
