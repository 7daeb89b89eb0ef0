using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Cli;

/// <summary>The processor that this process runs on.</summary>
internal static class Processor
{
    /// <summary>Name of the processor.</summary>
    public static string Name { get; } = ReadName();

    /// <summary>Instruction sets that .NET uses here, separated by spaces.</summary>
    public static string Isa { get; } = string.Join(' ', Sets());

    private static string ReadName()
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
