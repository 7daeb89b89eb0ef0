using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Engine.Cuda;

namespace Engine.Gpu.Tests;

/// <summary>The PTX that ships is what the sources made: known by hashes, without a compiler.</summary>
public sealed class ManifestTests
{
    private static readonly string s_folder = Path.Combine(Root(), "kernels");

    public static TheoryData<string> Files => [.. KernelLibrary.Manifest.Files.Select(f => f.Name)];

    [Theory, MemberData(nameof(Files))]
    public void Ptx_is_that_of_the_sources(string name)
    {
        var file = KernelLibrary.Manifest.Files.Single(f => f.Name == name);
        Assert.Equal(file.SourceSha256, Hash(File.ReadAllBytes(Path.Combine(s_folder, file.Source))));
        Assert.Equal(file.PtxSha256, Hash(File.ReadAllBytes(Path.Combine(s_folder, "ptx", name))));
        Assert.Equal(file.PtxSha256, Hash(KernelLibrary.Ptx(file)));
    }

    [Fact]
    public void Headers_are_those_the_ptx_was_made_of()
    {
        var headers = Directory.GetFiles(s_folder, "*.cuh").Order(StringComparer.Ordinal).SelectMany(File.ReadAllBytes).ToArray();
        Assert.Equal(KernelLibrary.Manifest.HeadersSha256, Hash(headers));
    }

    [Fact]
    public void Every_source_and_every_ptx_is_in_the_manifest()
    {
        Assert.Equal(Directory.GetFiles(s_folder, "*.cu").Select(Path.GetFileName).Order(), KernelLibrary.Manifest.Files.Select(f => f.Source).Distinct().Order());
        Assert.Equal(Directory.GetFiles(Path.Combine(s_folder, "ptx")).Select(Path.GetFileName).Order(), KernelLibrary.Manifest.Files.Select(f => f.Name).Order());
    }

    [Theory, MemberData(nameof(Files))]
    public void Entries_and_arguments_are_those_of_the_ptx(string name)
    {
        var file = KernelLibrary.Manifest.Files.Single(f => f.Name == name);
        var module = Ptx.PtxModule.Parse(Encoding.ASCII.GetString(KernelLibrary.Ptx(file)), name);
        Assert.Equal(file.Target, module.Target);
        Assert.Equal(file.Entries.Select(e => e.Name).Order(), module.Entries.Keys.Order());
        foreach (var e in file.Entries)
        {
            var code = module.Entries[e.Name];
            Assert.Equal(code.Parameters.Select(p => (p.Offset, p.Bytes)), e.Arguments.Select(a => (a.Offset, a.Bytes)));
            Assert.Equal(code.ParameterBytes, e.ArgumentBytes);
            Assert.Equal(code.MaxThreads, e.Threads);
            Assert.Equal(code.StaticSharedBytes, e.SharedBytes);
            Assert.All(e.Arguments, a => Assert.DoesNotMatch("^argument[0-9]", a.Name));
            code.Prepare();
        }
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "../.."));
}
