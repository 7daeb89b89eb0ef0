using System.CommandLine;
using Engine.Cuda;

namespace Engine.Cli;

/// <summary><c>engine devices</c>: what this machine can run on.</summary>
internal static class DevicesCommand
{
    private const string Examples = """
        engine devices
        engine devices --format json
        """;

    public static Command Create()
    {
        var format = CommonOptions.Format("md|json|csv");
        return new Command("devices", "List what this machine can run on: its processor and GPUs, or why there is none") { format }.Action(Examples, (p, _) =>
        {
            var table = new Table(new("backend", "backend"), new("#", "ordinal"), new("name", "name"), new("capability", "capability"), new("multiprocessors", "multiprocessors"), new("memory MiB", "memory_mib", "0"), new("driver", "driver"));
            table.Add("cpu", 0, Processor.Name, Processor.Isa, Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1048576.0, null);
            for (int i = 0; i < CudaDevice.Count; i++)
            {
                using var device = CudaDevice.Open(i);
                var d = device.Info;
                table.Add("cuda", i, d.Name + (d.IsIntegrated ? " (integrated)" : ""), $"{d.Major}.{d.Minor}", d.Multiprocessors, d.MemoryBytes / 1048576.0, d.Driver);
            }
            new Report().Add("devices", "", table).Add("cuda", "cuda", CudaDevice.IsAvailable ? $"driver {CudaDevice.Status}" : CudaDevice.Status).Write(p.GetValue(format));
            return ExitCode.Ok;
        });
    }
}
