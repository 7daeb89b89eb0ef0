using System.Globalization;

namespace Engine.Cuda;

/// <summary>Compiled kernels in a folder, so that only the first process of a machine waits for the driver's compiler. The key is the PTX's hash, the driver and the compute capability.</summary>
/// <param name="folder">The folder, made when something is stored; empty keeps nothing.</param>
internal sealed class CubinCache(string folder)
{
    /// <summary><c>ENGINE_CACHE</c>, or the user's folder for caches; empty where there is none.</summary>
    public static string DefaultFolder
    {
        get
        {
            if (Environment.GetEnvironmentVariable("ENGINE_CACHE") is { } own) return own;
            string home = OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
                : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } x ? x : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } user ? Path.Combine(user, ".cache") : "";
            return home.Length == 0 ? "" : Path.Combine(home, "engine", "cubin");
        }
    }

    /// <summary>The compiled file, or null.</summary>
    public byte[]? Find(KernelFile file, GpuDeviceInfo device)
    {
        if (folder.Length == 0) return null;
        try
        {
            byte[] bytes = File.ReadAllBytes(PathOf(file, device));
            // The driver reads a file's size from its header: what has none must not reach it.
            return bytes.Length > 64 && bytes.AsSpan(0, 4).SequenceEqual("\x7fELF"u8) ? bytes : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a compiled file; a folder that cannot be written costs the next process its time, no more.</summary>
    public void Store(KernelFile file, GpuDeviceInfo device, byte[] cubin)
    {
        if (folder.Length == 0) return;
        string path = PathOf(file, device), partial = $"{path}.{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}";
        try
        {
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(partial, cubin);
            // Whole or not at all, for processes that read at the same time.
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    private string PathOf(KernelFile file, GpuDeviceInfo device) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{file.Stem}-{file.PtxSha256[..16]}-sm{device.Capability}-{device.Driver}.cubin"));
}
