using System.Security.Cryptography;
using Engine.Formats.Onnx;
using Engine.Tensors;
using static Engine.Tests.Formats.OnnxBytes;

namespace Engine.Tests.Formats;

/// <summary>Tensors whose content lies in other files: in the model's folder, and nowhere else.</summary>
public sealed class OnnxExternalDataTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("engine-external-").FullName;
    private readonly string _folder;

    public OnnxExternalDataTests()
    {
        _folder = Directory.CreateDirectory(Path.Combine(_root, "model")).FullName;
        byte[] bytes = [.. Enumerable.Range(0, 64).Select(i => (byte)i)];
        Directory.CreateDirectory(Path.Combine(_folder, "sub"));
        foreach (string p in new[] { "model/w.bin", "model/sub/w.bin", "secret" }) File.WriteAllBytes(Path.Combine(_root, p), bytes);
    }

    public void Dispose() => Directory.Delete(_root, true);

    private byte[] Load(OnnxReadOptions options, params (string, string)[] entries)
    {
        var t = Header("w", DType.U8, 8).Int(14, 1);
        foreach (var (k, v) in entries) t.Message(13, new OnnxBytes().Text(1, k).Text(2, v));
        string path = Path.Combine(_folder, "model.onnx");
        File.WriteAllBytes(path, Model(GraphOf([Node("A", ["w"], ["y"])], [], [Value("y")], t)).ToArray());
        return OnnxModelReader.Load(path, options).Graph.Nodes[0].Inputs[0]!.ConstantTensor!.Bytes.ToArray();
    }

    private byte[] Load(params (string, string)[] entries) => Load(AnyOperator.Options, entries);

    private void Refused(string message, params (string, string)[] entries) =>
        Assert.Contains(message, Assert.Throws<InvalidModelException>(() => Load(entries)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0L)]
    [InlineData(long.MaxValue)]
    public void A_slice_of_a_file_beside_the_model(long mapFrom)
    {
        var options = AnyOperator.Options with { MapFrom = mapFrom };
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], Load(options, ("location", "w.bin"), ("length", "8")));
        Assert.Equal([56, 57, 58, 59, 60, 61, 62, 63], Load(options, ("location", "sub/w.bin"), ("offset", "56")));
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("sub/../../secret")]
    [InlineData("./w.bin")]
    [InlineData("sub//w.bin")]
    [InlineData("")]
    [InlineData("..\\secret")]
    [InlineData("C:\\w.bin")]
    [InlineData("/etc/passwd")]
    [InlineData("w.bin\0")]
    public void Paths_that_leave_the_folder(string location) => Refused("is not a plain relative path", ("location", location));

    [Fact]
    public void Ranges_and_numbers_are_checked()
    {
        Refused("64 bytes; 8 from 57 on", ("location", "w.bin"), ("offset", "57"));
        Refused("8 from 9223372036854775807 on", ("location", "w.bin"), ("offset", "9223372036854775807"));
        Refused("offset '-1'", ("location", "w.bin"), ("offset", "-1"));
        Refused("length 'x'", ("location", "w.bin"), ("length", "x"));
        Refused("gives 9 bytes", ("location", "w.bin"), ("length", "9"));
        Refused("no location", ("offset", "1"));
        Refused("gives 'location' twice", ("location", "w.bin"), ("location", "w.bin"));
        Refused("cannot be read", ("location", "none.bin"));
        Refused("is a folder", ("location", "sub"));
    }

    [Fact]
    public void Links_are_followed_only_on_request()
    {
        if (!OperatingSystem.IsLinux()) return;
        File.CreateSymbolicLink(Path.Combine(_folder, "link"), Path.Combine(_root, "secret"));
        File.CreateSymbolicLink(Path.Combine(_folder, "dir"), _root);
        Refused("symbolic link", ("location", "link"));
        Refused("symbolic link", ("location", "dir/secret"));
        using (var ln = System.Diagnostics.Process.Start("ln", [Path.Combine(_root, "secret"), Path.Combine(_folder, "hard")])) ln.WaitForExit();
        Refused("hard link", ("location", "hard"));
        using (var fifo = System.Diagnostics.Process.Start("mkfifo", [Path.Combine(_folder, "pipe")])) fifo.WaitForExit();
        Refused("not a regular file", ("location", "pipe"));
        var links = AnyOperator.Options with { AllowLinkedExternalData = true };
        foreach (string name in new[] { "link", "dir/secret", "hard" }) Assert.Equal(7, Load(links, ("location", name))[7]);
    }

    [Fact]
    public void Checksums_on_request()
    {
#pragma warning disable CA5350 // the format's choice
        string sum = Convert.ToHexString(SHA1.HashData(File.ReadAllBytes(Path.Combine(_folder, "w.bin"))));
#pragma warning restore CA5350
        var verify = AnyOperator.Options with { VerifyChecksums = true };
        Load(verify, ("location", "w.bin"), ("checksum", sum));
        Assert.Throws<InvalidModelException>(() => Load(verify, ("location", "w.bin"), ("checksum", sum.Replace(sum[0], sum[0] == 'A' ? 'B' : 'A'))));
    }

    [Fact]
    public void A_model_without_a_file_has_no_folder_unless_given_one()
    {
        var t = Header("w", DType.U8, 8).Int(14, 1).Message(13, new OnnxBytes().Text(1, "location").Text(2, "w.bin"));
        byte[] model = Model(GraphOf([Node("A", ["w"], ["y"])], [], [Value("y")], t)).ToArray();
        Assert.Throws<InvalidModelException>(() => OnnxModelReader.Load(model, AnyOperator.Options));
        OnnxModelReader.Load(model, AnyOperator.Options with { ExternalDataFolder = _folder });
    }
}
