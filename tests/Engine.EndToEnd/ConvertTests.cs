using System.Diagnostics;
using System.Text.Json;
using Engine.Formats.Data;
using Engine.Formats.EngineFiles;
using Engine.Formats.Gguf;
using Engine.Graph;
using Engine.Tensors;
using Engine.Tests.Formats.Gguf;

namespace Engine.EndToEnd;

/// <summary><c>engine convert</c>, and engine files in the other verbs.</summary>
public sealed class ConvertTests : IDisposable
{
    private readonly WorkFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ProgramRun Engine(params string[] arguments) => ProgramRun.Engine(_folder.Path, arguments);

    [Fact]
    public void A_converted_model_works_in_every_verb()
    {
        Assert.Equal("", Engine("convert", "m.onnx", "-o", "m.engine").Succeeds());
        Engine("run", "m.engine", "-i", "x.npy", "-o", "y.npy").Succeeds();
        Assert.Equal([11, 14], NpyFile.Read(_folder.At("y.npy")).Span<float>().ToArray());
        using var compared = JsonDocument.Parse(Engine("compare", "m.onnx", "m.engine", "--format", "json").Succeeds());
        Assert.Equal(0, compared.RootElement.GetProperty("outputs")[0].GetProperty("linf").GetDouble());
        using var json = JsonDocument.Parse(Engine("inspect", "m.engine", "--layers", "--plan", "--shape", "x:1x3", "--format", "json").Succeeds());
        var section = json.RootElement.GetProperty("sections")[0];
        Assert.Equal(("w", "f32[3,2]", 24), (section.GetProperty("section").GetString(), section.GetProperty("type").GetString(), section.GetProperty("bytes").GetInt32()));
        Assert.Matches("^[0-9a-f]{8}$", section.GetProperty("crc32c").GetString());
        Engine("convert", "m.engine", "-o", "again.engine").Succeeds();
        Assert.Equal(File.ReadAllBytes(_folder.At("m.engine")), File.ReadAllBytes(_folder.At("again.engine")));
        Assert.Equal(0, ProgramRun.Bench(_folder.Path, "m.engine", "--shape", "x:1x3", "--min-time", "10ms", "--runs", "3").ExitCode);
    }

    [Fact]
    public void Layouts_of_kernels_are_stored_when_asked()
    {
        Assert.Equal(0, Engine("convert", "m.onnx", "-o", "m.engine", "--pack", "--shape", "x:1x3").ExitCode);
        Engine("run", "m.engine", "-i", "x.npy", "-o", "y.npy").Succeeds();
        Assert.Equal([11, 14], NpyFile.Read(_folder.At("y.npy")).Span<float>().ToArray());
        using var json = JsonDocument.Parse(Engine("inspect", "m.engine", "--layers", "--plan", "--shape", "x:1x3", "--format", "json").Succeeds());
        var packed = json.RootElement.GetProperty("packed")[0];
        Assert.StartsWith("gemm-f32 v", packed.GetProperty("layout").GetString(), StringComparison.Ordinal);
        Assert.Equal((1, 192, 0, 192), (json.RootElement.GetProperty("packed_sections").GetInt32(), json.RootElement.GetProperty("packed_section_bytes").GetInt32(), json.RootElement.GetProperty("packed_bytes").GetInt32(), json.RootElement.GetProperty("stored_packed_bytes").GetInt32()));
        Assert.Equal(0, Engine("convert", "m.engine", "-o", "again.engine", "--pack").ExitCode);
        Assert.Equal(File.ReadAllBytes(_folder.At("m.engine")), File.ReadAllBytes(_folder.At("again.engine")));
        Engine("convert", "m.engine", "-o", "plain.engine").Succeeds();
        Assert.DoesNotContain("layouts", Engine("inspect", "plain.engine").Succeeds(), StringComparison.Ordinal);
        Engine("convert", "m.onnx", "-o", "m.engine", "--shape", "x:1x3").FailsWith(2, "--pack");
        Engine("compress", "m.onnx", "-o", "c.onnx", "--pack", "--scheme", "w8").FailsWith(2, "--pack", ".engine");
        Assert.Equal(0, Engine("compress", "m.onnx", "-o", "c.engine", "--pack", "--scheme", "w8").ExitCode);
        Assert.Contains("weights stored in kernel layouts", Engine("inspect", "c.engine").Succeeds(), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_of_a_checkpoint_replace_constants()
    {
        // w = [[1, 2], [3, 4], [5, 6]] becomes the transpose of [[1, 3, 15], [2, 4, 6]], in codes.
        const string header = """{"fc.weight":{"dtype":"I8","shape":[2,3],"data_offsets":[0,6]},"fc.weight_scale":{"dtype":"F32","shape":[2,1],"data_offsets":[6,14]}}""";
        File.WriteAllBytes(_folder.At("w.safetensors"), [.. BitConverter.GetBytes((long)header.Length), .. System.Text.Encoding.ASCII.GetBytes(header), 1, 3, 15, 2, 4, 6, .. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(1f)]);
        Engine("convert", "m.onnx", "--weights", "w.safetensors", "-o", "m.engine").FailsWith(2, "--map");
        Engine("convert", "m.onnx", "--weights", "w.safetensors", "--map", "w=fc.weight", "-o", "m.engine").FailsWith(2, "assign the transpose");
        Assert.False(File.Exists(_folder.At("m.engine")));
        Assert.Equal(0, Engine("convert", "m.onnx", "--weights", "w.safetensors", "--map", "w=fc.weight.T", "-o", "m.engine").ExitCode);
        Engine("run", "m.engine", "-i", "x.npy", "-o", "y.npy").Succeeds();
        Assert.Equal([31, 14], NpyFile.Read(_folder.At("y.npy")).Span<float>().ToArray());
        Assert.Contains("Quantized(8, channel)", Engine("inspect", "m.engine").Succeeds(), StringComparison.Ordinal);
        string text = Engine("inspect", "w.safetensors").Succeeds();
        Assert.Contains("naive-quantized", text, StringComparison.Ordinal);
        Engine("run", "w.safetensors").FailsWith(3, "w.safetensors", "weights");
        Engine("inspect", "w.safetensors", "--plan").FailsWith(2, "weights");
    }

    [Fact]
    public void Weights_of_a_gguf_file_replace_constants()
    {
        byte[] w = [.. new float[] { 1, 2, 3, 4, 15, 6 }.SelectMany(BitConverter.GetBytes)];
        File.WriteAllBytes(_folder.At("w.gguf"), new GgufBytes().Key("general.name", 8, GgufBytes.Text("small")).Key("words", 9, GgufBytes.Array(8, 1, GgufBytes.Text("a")))
            .Tensor("w", GgufType.F32, w, 3, 2).Tensor("blocks", GgufType.Q4_K, new byte[144], 1, 256).Tensor("books", GgufType.IQ1_S, new byte[50], 256).Build());
        Assert.Equal(0, Engine("convert", "m.onnx", "--weights", "w.gguf", "-o", "m.engine").ExitCode);
        Engine("run", "m.engine", "-i", "x.npy", "-o", "y.npy").Succeeds();
        Assert.Equal([31, 14], NpyFile.Read(_folder.At("y.npy")).Span<float>().ToArray());
        using var json = JsonDocument.Parse(Engine("inspect", "w.gguf", "--format", "json").Succeeds());
        Assert.Equal(["Dense", "Quantized(4, g32, minimum, Quantized(6, channel, zero))", "not read"], json.RootElement.GetProperty("weights").EnumerateArray().Select(r => r.GetProperty("scheme").GetString()));
        Assert.Contains("1 × String", Engine("inspect", "w.gguf").Succeeds(), StringComparison.Ordinal);
        Engine("run", "w.gguf").FailsWith(3, "w.gguf", "convert MODEL --weights");
        Engine("inspect", "w.gguf", "--layers", "--plan").FailsWith(2, "weights");
    }

    [Fact]
    public void Damage_is_found_by_default()
    {
        Engine("convert", "m.onnx", "-o", "m.engine").Succeeds();
        byte[] bytes = File.ReadAllBytes(_folder.At("m.engine"));
        bytes[^70] ^= 1;
        File.WriteAllBytes(_folder.At("m.engine"), bytes);
        Engine("run", "m.engine", "-i", "x.npy").FailsWith(3, "m.engine");
        Engine("convert", "m.onnx", "-o", "no/such/m.engine").FailsWith(1, "m.engine");
        Engine("convert", "m.onnx").FailsWith(2, "--output");
    }

    [Fact]
    public void Another_program_reads_the_format_by_its_specification()
    {
        if (!HasPython()) return;
        Write("a.engine", 1);
        using var python = Process.Start(new ProcessStartInfo("python3", [Path.Combine(AppContext.BaseDirectory, "read_engine_file.py"), _folder.At("a.engine")]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = python.StandardOutput.ReadToEnd(), error = python.StandardError.ReadToEnd();
        python.WaitForExit();
        Assert.True(python.ExitCode == 0, error);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(["w", "words"], json.RootElement.GetProperty("sections").EnumerateObject().Select(p => p.Name));
        Assert.Equal(1, json.RootElement.GetProperty("first").GetProperty("w").GetDouble());
        Assert.Equal("ab|c", json.RootElement.GetProperty("strings").GetProperty("words").GetString());
        Assert.Equal("g", json.RootElement.GetProperty("graph").GetString());
    }

    [Fact]
    public void Some_kills_leave_the_old_file_or_the_new_one() => Kill(8);

    [Fact, Trait("Category", "Soak")]
    public void Kills_leave_the_old_file_or_the_new_one() => Kill(250);

    private void Kill(int count)
    {
        Write("a.engine", 1);
        Write("b.engine", 2);
        byte[] a = File.ReadAllBytes(_folder.At("a.engine")), b = File.ReadAllBytes(_folder.At("b.engine"));
        File.WriteAllBytes(_folder.At("target.engine"), a);
        var random = new Random(7);
        int writing = 0;
        for (int i = 0; i < count; i++)
        {
            if (KillWhileWriting("target.engine.partial", TimeSpan.FromMilliseconds(random.NextDouble() * 25), "convert", i % 2 == 0 ? "b.engine" : "a.engine", "-o", "target.engine")) writing++;
            byte[] now = File.ReadAllBytes(_folder.At("target.engine"));
            Assert.True(now.AsSpan().SequenceEqual(a) || now.AsSpan().SequenceEqual(b), $"kill {i}: a part of a file");
        }
        Assert.True(writing > 0, "no process was killed while it wrote");
        Engine("convert", "a.engine", "-o", "target.engine").Succeeds();
        Assert.True(File.ReadAllBytes(_folder.At("target.engine")).AsSpan().SequenceEqual(a));
        Assert.False(File.Exists(_folder.At("target.engine.partial")));
    }

    // Waits until a file appears and for a while more, and ends the process as kill -9 does; false when it ended by itself first.
    private bool KillWhileWriting(string file, TimeSpan delay, params string[] arguments)
    {
        File.Delete(_folder.At(file));
        using var p = ProgramRun.Begin("Engine.Cli", _folder.Path, arguments);
        while (!p.HasExited && !File.Exists(_folder.At(file))) Thread.Yield();
        Thread.Sleep(delay);
        bool ended = p.HasExited;
        p.Kill(entireProcessTree: true);
        p.WaitForExit();
        return !ended && File.Exists(_folder.At(file));
    }

    // A model of 16 MiB.
    private void Write(string name, float value)
    {
        var w = Tensor.Allocate(DType.F32, new Shape(1 << 22));
        w.Span<float>().Fill(value);
        var g = new ModelGraph("g");
        g.Outputs.Add(Value.Of("w", w));
        g.Outputs.Add(Value.Of("words", new Tensor(new Shape(2), ["ab", "c"])));
        EngineFileWriter.Write(new ModelDefinition(g), _folder.At(name));
    }

    private static bool HasPython()
    {
        try
        {
            using var p = Process.Start(new ProcessStartInfo("python3", ["--version"]) { RedirectStandardOutput = true })!;
            p.WaitForExit();
            return p.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
