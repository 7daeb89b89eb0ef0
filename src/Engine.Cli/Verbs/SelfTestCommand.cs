using System.CommandLine;
using System.Globalization;
using Engine.Cuda;
using Engine.SelfTest;

namespace Engine.Cli;

/// <summary><c>engine selftest</c>: every case of every GPU kernel on a device of this machine.</summary>
internal static class SelfTestCommand
{
    private const string Examples = """
        engine selftest
        engine selftest --filter gemm --format json >selftest.json
        engine selftest --device 1
        """;

    public static Command Create()
    {
        Option<int> ordinal = new("--device") { Description = "Number of the device, as 'engine devices' lists them", HelpName = "N" };
        Option<string?> filter = new("--filter") { Description = "Only kernels whose name contains this", HelpName = "text" };
        var format = CommonOptions.Format("md|json|csv");
        return new Command("selftest", "Run every GPU kernel on a device and compare with the CPU: whether an installation computes what it should") { ordinal, filter, format }.Action(Examples, (p, cancellation) =>
        {
            if (!CudaDevice.IsAvailable) throw new GpuException($"{CudaDevice.Status}; there is nothing to test");
            if (p.GetValue(ordinal) is var n && (n < 0 || n >= CudaDevice.Count)) throw CommandException.Usage($"--device {n}: this machine has {CudaDevice.Count}");
            var entries = GpuCases.All.Where(c => c.Entry.Contains(p.GetValue(filter) ?? "", StringComparison.OrdinalIgnoreCase)).GroupBy(c => (c.Stem, c.Entry)).ToList();
            if (entries.Count == 0) throw CommandException.Usage($"no kernel has '{p.GetValue(filter)}' in its name");
            using var device = CudaDevice.Open(p.GetValue(ordinal));
            using var kernels = new GpuKernels(device);
            using var stream = device.CreateStream();
            var table = new Table(new("kernel", "kernel"), new("cases", "cases"), new("failed", "failed"), new("worst", "worst", "0.###"), new("registers", "registers"), new("local B", "local_bytes"), new("ms", "ms", "0.0"), new("detail", "detail"));
            int cases = 0, failed = 0;
            ProgressBar.Run(entries.Count, step =>
            {
                foreach (var e in entries)
                {
                    cancellation.ThrowIfCancellationRequested();
                    step(e.Key.Entry);
                    var results = e.Select(c => GpuRunner.Run(c, kernels, stream)).ToList();
                    int wrong = results.Count(r => !r.Passed);
                    (cases, failed) = (cases + results.Count, failed + wrong);
                    // A kernel that did not load has no registers to tell of.
                    var (registers, local) = wrong < results.Count ? Resources(kernels, e.Key.Stem, e.Key.Entry) : (null, null);
                    table.Add(e.Key.Entry, results.Count, wrong, results.Max(r => r.Worst), registers, local, results.Sum(r => r.Milliseconds), results.FirstOrDefault(r => !r.Passed) is { } bad ? $"{bad.Case.Shape}: {bad.Error}" : "");
                }
            });
            var d = device.Info;
            new Report().Add("kernels", "", table).Add("device", "device", string.Create(CultureInfo.InvariantCulture, $"{d.Name}, capability {d.Major}.{d.Minor}, driver {d.Driver}"))
                .Add("cases", "cases", cases).Add("failed", "failed", failed).Write(p.GetValue(format));
            return failed == 0 ? ExitCode.Ok : ExitCode.ThresholdMissed;
        });
    }

    private static (int? Registers, int? LocalBytes) Resources(GpuKernels kernels, string stem, string entry)
    {
        var kernel = kernels.Get(stem, entry);
        return (kernel.Registers, kernel.LocalBytes);
    }
}
