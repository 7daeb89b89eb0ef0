using System.Text.Json;

namespace Engine.Cuda;

/// <summary>The kernels that ship with the engine: the manifest and the PTX, as resources of this library.</summary>
public static class KernelLibrary
{
    /// <summary>The manifest.</summary>
    public static KernelManifest Manifest { get; } = ReadManifest();

    /// <summary>The PTX of a file, as bytes of ASCII.</summary>
    public static byte[] Ptx(KernelFile file)
    {
        using var s = Resource(file.Name);
        byte[] bytes = new byte[s.Length];
        s.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>The file of a stem for a device of compute capability <paramref name="capability"/>: that of its own target, else the highest below it. Null where there is none.</summary>
    public static KernelFile? Find(string stem, int capability) => Manifest.Files.Where(f => f.Stem == stem && f.RunsOn(capability)).OrderByDescending(f => f.IsSpecific).ThenByDescending(f => f.Capability).FirstOrDefault();

    private static KernelManifest ReadManifest()
    {
        using var s = Resource("manifest.json");
        return JsonSerializer.Deserialize(s, ManifestJson.Default.KernelManifest)!;
    }

    private static Stream Resource(string name) => typeof(KernelLibrary).Assembly.GetManifestResourceStream(name) ?? throw new GpuException($"this build of Engine.Cuda lacks its resource {name}");
}
