using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.EndToEnd;

/// <summary><c>engine compress</c> as a process: what it writes, what it refuses, and what it leaves behind when it is ended.</summary>
public sealed class CompressTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    private static string Cnn { get; } = Path.Combine(Repository(), "bench", "models", "fashion-cnn");

    public CompressTests()
    {
        Directory.CreateDirectory(_folder.At("samples/0"));
        var all = NpyFile.Read(Path.Combine(Cnn, "input.npy"));
        NpyFile.Write(_folder.At("samples/0/x.npy"), all);
        File.Copy(Path.Combine(Cnn, "model.onnx"), _folder.At("cnn.onnx"));
        File.WriteAllText(_folder.At("labels.txt"), "9\n");
    }

    public void Dispose() => _folder.Dispose();

    internal static string Repository()
    {
        var d = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(d.FullName, "Engine.sln"))) d = d.Parent!;
        return d.FullName;
    }

    private ProgramRun Engine(params string[] arguments) => ProgramRun.Engine(_folder.Path, arguments);

    private ProgramRun Compress(params string[] arguments) => Engine(["compress", "cnn.onnx", "--calib", "samples", "--threads", "1", .. arguments]);

    [Fact]
    public void Models_are_written_and_run()
    {
        foreach (string scheme in (string[])["int8", "int4", "nf4"])
        {
            string file = scheme == "nf4" ? "out.engine" : "out.onnx";
            using var json = JsonDocument.Parse(Compress("--scheme", scheme, "-o", file, "--labels", "labels.txt", "--report", "report.md", "--format", "json").Succeeds());
            var root = json.RootElement;
            Assert.Equal(5, root.GetProperty("layers").GetArrayLength());
            Assert.Equal(1, root.GetProperty("accuracy").GetDouble());
            Assert.InRange(root.GetProperty("bytes_after").GetInt64(), 10_000, 50_000);
            Assert.Contains($"| {scheme} ", File.ReadAllText(_folder.At("report.md")), StringComparison.Ordinal);
            Assert.Contains("9", Engine("run", file, "--input", Path.Combine(Cnn, "sample.png"), "--format", "json").Succeeds(), StringComparison.Ordinal);
            Engine("compare", "cnn.onnx", file, "--inputs", "samples", "--labels", "labels.txt", "--max-drop", "0", "--threshold", "0.98").Succeeds();
        }
        Assert.False(Directory.Exists(_folder.At("out.onnx.work")));
    }

    [Fact]
    public void Sparse_models_are_written_and_run()
    {
        File.WriteAllText(_folder.At("layers.json"), """{ "layers": { "*block*": "4:8+int8" } }""");
        foreach (string file in (string[])["out.engine", "out.onnx"])
        {
            using var json = JsonDocument.Parse(Compress("--scheme", "2:4+int8", "--policy", "layers.json", "-o", file, "--labels", "labels.txt", "--report", "report.md", "--format", "json").Succeeds());
            var root = json.RootElement;
            Assert.Equal(1, root.GetProperty("accuracy").GetDouble());
            var layers = root.GetProperty("layers").EnumerateArray().Select(l => (Scheme: l.GetProperty("scheme").GetString(), Kept: l.GetProperty("kept").GetDouble(), Mask: l.GetProperty("mask_rmse").ValueKind)).ToList();
            Assert.Equal(["int8", "2:4+int8", "4:8+int8", "4:8+int8", "2:4+int8"], layers.Select(l => l.Scheme));
            Assert.All(layers.Skip(1), l => Assert.Equal((true, JsonValueKind.Number), (l.Kept <= 0.5, l.Mask)));
            Assert.Equal((1, JsonValueKind.Null), (layers[0].Kept, layers[0].Mask));
            // What is kept, or all of it with a note.
            bool onnx = file == "out.onnx";
            Assert.Equal(onnx, File.ReadAllText(_folder.At("report.md")).Contains("ONNX has no sparse form", StringComparison.Ordinal));
            Assert.InRange(root.GetProperty("bytes_after").GetInt64(), onnx ? 35_000 : 20_000, onnx ? 45_000 : 30_000);
            Engine("compare", "cnn.onnx", file, "--inputs", "samples", "--labels", "labels.txt", "--max-drop", "0", "--threshold", "0.9").Succeeds();
        }
        Assert.Contains("Sparse(4:8 by channel, Quantized(8, channel))", Engine("inspect", "out.engine").Succeeds(), StringComparison.Ordinal);
        Compress("--scheme", "2:4+int8", "--target", "sparsity=55%", "-o", "b.engine").Succeeds();
        Compress("--scheme", "sparse:0.5", "--target", "macs=50%", "-o", "c.engine").Succeeds();
        Compress("--scheme", "prune:0.5+2:4+int8", "-o", "d.engine").Succeeds();
        Assert.Equal(0, Compress("--scheme", "low-rank:60%+2:4", "-o", "e.engine", "--pack").ExitCode);
        Compress("--target", "sparsity=99%", "-o", "f.engine").FailsWith(4, "weights");
        Assert.Contains("the same part", Compress("--scheme", "prune:auto+int8", "--target", "macs=50%", "-o", "g.onnx").Succeeds(), StringComparison.Ordinal);
        Compress("--scheme", "prune:auto", "-o", "h.onnx").FailsWith(2, "--target");
        Compress("--scheme", "prune:auto+int8", "--target", "size=50kB", "-o", "h.onnx").FailsWith(2, "macs=");
        Compress("--scheme", "prune:auto", "--target", "macs=1%", "-o", "h.onnx").FailsWith(4, "multiplications");
    }

    [Fact]
    public void The_same_command_gives_the_same_bytes()
    {
        Compress("--scheme", "int4", "-o", "a.onnx").Succeeds();
        Engine("compress", "cnn.onnx", "--calib", "samples", "--threads", "2", "--scheme", "int4", "-o", "b.onnx").Succeeds();
        Assert.Equal(File.ReadAllBytes(_folder.At("a.onnx")), File.ReadAllBytes(_folder.At("b.onnx")));
    }

    [Fact]
    public void A_dry_run_writes_nothing()
    {
        string[] before = Directory.GetFileSystemEntries(_folder.Path);
        Assert.Contains("bits a weight", Compress("--scheme", "int4", "-o", "out.onnx", "--dry-run").Succeeds(), StringComparison.Ordinal);
        Compress("--scheme", "w8", "--dry-run").Succeeds();
        Assert.Equal(before.Order(), Directory.GetFileSystemEntries(_folder.Path).Order());
    }

    [Fact]
    public void Latencies_are_kept_in_the_table_named()
    {
        Compress("--scheme", "int4", "-o", "a.onnx", "--measure", "--latency-table", "t.json").Succeeds();
        using var table = JsonDocument.Parse(File.ReadAllText(_folder.At("t.json")));
        Assert.InRange(table.RootElement.GetProperty("entries").GetArrayLength(), 10, 40);
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_folder.At("t.json")))), File.ReadAllText(_folder.At("a.onnx"), System.Text.Encoding.Latin1), StringComparison.Ordinal);
        Compress("--scheme", "int4", "-o", "b.onnx", "--latency-table", "t.json").Succeeds();
        Assert.Equal(File.ReadAllBytes(_folder.At("a.onnx")), File.ReadAllBytes(_folder.At("b.onnx")));
        Compress("--target", "latency=1s", "-o", "c.onnx", "--measure", "--latency-table", "t.json").Succeeds();
        Compress("--target", "latency=1ns", "-o", "d.onnx", "--latency-table", "t.json").FailsWith(4, "budget");
    }

    [Theory]
    [InlineData(2, "--output", "--scheme", "int4")]
    [InlineData(2, "int9", "-o", "x.onnx", "--scheme", "int9")]
    [InlineData(2, "x.bin", "-o", "x.bin")]
    [InlineData(2, "is the model itself", "-o", "cnn.onnx")]
    [InlineData(2, "--target", "-o", "x.onnx", "--target", "size=big")]
    [InlineData(2, "--max-drop", "-o", "x.onnx", "--max-drop", "much")]
    [InlineData(2, "none.json", "-o", "x.onnx", "--policy", "none.json")]
    [InlineData(2, "none.json", "-o", "x.onnx", "--latency-table", "none.json")]
    [InlineData(2, "labels", "-o", "x.onnx", "--labels", "none.txt")]
    [InlineData(4, "budget", "-o", "x.onnx", "--target", "size=1KB")]
    [InlineData(1, "no/x.onnx", "-o", "no/x.onnx", "--scheme", "w8")]
    public void Wrong_use_is_one_line(int code, string text, params string[] arguments)
    {
        Compress([.. arguments]).FailsWith(code, text == "labels" ? "none.txt" : text);
        Assert.False(File.Exists(_folder.At("x.onnx")));
    }

    [Fact]
    public void A_disk_without_room_leaves_the_old_file()
    {
        if (OperatingSystem.IsWindows()) return;
        File.WriteAllText(_folder.At("out.onnx"), "old");
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        string program = Path.Combine(here.Parent!.Parent!.FullName, "Engine.Cli", here.Name, "Engine.Cli.dll"), host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        // No file may grow beyond 8 blocks of 512 bytes; diagnostics and such would be cut off too.
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"trap '' XFSZ; ulimit -f 8; exec \"{host}\" \"{program}\" compress cnn.onnx --scheme w8 -o out.onnx --threads 1"])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using var p = Process.Start(start)!;
        string error = p.StandardError.ReadToEnd();
        p.WaitForExit();
        Assert.True(p.ExitCode == 1, error);
        Assert.Contains("cannot be written", error, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(_folder.At("out.onnx")));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.partial"));
    }

    [Fact]
    public void Killed_at_some_points_the_output_is_the_old_file_or_the_new_one() => Kill(6, seed: 1);

    [Fact, Trait("Category", "Soak")]
    public void Killed_at_many_points_the_output_is_the_old_file_or_the_new_one() => Kill(200, seed: 2);

    private void Kill(int times, int seed)
    {
        Compress("--scheme", "int4", "-o", "whole.onnx").Succeeds();
        byte[] whole = File.ReadAllBytes(_folder.At("whole.onnx")), old = [1, 2, 3];
        var watch = Stopwatch.StartNew();
        Compress("--scheme", "int4", "-o", "whole.onnx").Succeeds();
        var length = watch.Elapsed;
        var random = new Random(seed);
        int killed = 0;
        for (int i = 0; i < times; i++)
        {
            File.WriteAllBytes(_folder.At("out.onnx"), old);
            using (var p = ProgramRun.Begin("Engine.Cli", _folder.Path, "compress", "cnn.onnx", "--calib", "samples", "--threads", "1", "--scheme", "int4", "-o", "out.onnx", "--resume"))
            {
                // The second half, where files are written, is met as often as the whole of the first.
                var at = length * (i % 2 == 0 ? random.NextDouble() : 0.5 + 0.6 * random.NextDouble());
                if (!p.WaitForExit(at))
                {
                    p.Kill();
                    p.WaitForExit();
                    killed++;
                }
            }
            byte[] now = File.ReadAllBytes(_folder.At("out.onnx"));
            if (!now.AsSpan().SequenceEqual(whole)) Assert.Equal(old, now);
        }
        Assert.True(killed > 0, "no run was long enough to be killed");
        // Whatever was left behind: the next run ends well, with the same bytes.
        Compress("--scheme", "int4", "-o", "out.onnx", "--resume").Succeeds();
        Assert.Equal(whole, File.ReadAllBytes(_folder.At("out.onnx")));
        Assert.Equal([_folder.At("out.onnx")], Directory.GetFileSystemEntries(_folder.Path).Where(f => f.Contains("out.onnx", StringComparison.Ordinal)));
    }
}
