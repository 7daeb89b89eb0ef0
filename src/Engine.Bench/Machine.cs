using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Engine.Cli;
using Engine.Kernels;

namespace Engine.Bench;

/// <summary>Where the numbers were measured.</summary>
internal static class Machine
{
    /// <summary>Version of the JSON that is written.</summary>
    public const int SchemaVersion = 1;

    public static void Describe(Report report) => report
        .Add("schema_version", "schema version", SchemaVersion)
        .Add("engine_commit", "engine", Commit)
        .Add("date_utc", "date", DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture))
        .Add("cpu", "cpu", Processor.Name)
        .Add("processors", "processors", Environment.ProcessorCount)
        .Add("isa", "isa", Processor.Isa)
        .Add("os", "os", RuntimeInformation.OSDescription)
        .Add("runtime", "runtime", $"{RuntimeInformation.FrameworkDescription} {RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}")
        .Add("native", "native kernels", NativeKernels.Status)
        .Add("tier", "forced tier", Environment.GetEnvironmentVariable("ENGINE_TIER"));

    /// <summary>Version and commit.</summary>
    private static string Commit => typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
