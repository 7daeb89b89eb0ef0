using System.Runtime.InteropServices;

namespace Engine.Cuda;

/// <summary>
/// The functions of the CUDA driver that the engine calls, each looked up when it is first called. The reference is NVIDIA's CUDA Driver API; names with <c>_v2</c> are the ones
/// its header maps the plain names to.
/// </summary>
internal sealed unsafe partial class CudaDriver
{
    private static readonly Lazy<(CudaDriver? Driver, string Status)> s_loaded = new(Load);

    private readonly nint _library;

    private CudaDriver(nint library) => _library = library;

    /// <summary>The driver. Throws <see cref="GpuException"/> where there is none, or no device.</summary>
    public static CudaDriver Instance => s_loaded.Value.Driver ?? throw new GpuException(s_loaded.Value.Status);

    /// <summary>Why there is no driver, or its version.</summary>
    public static string Status => s_loaded.Value.Status;

    /// <summary>Whether there is a driver with a device.</summary>
    public static bool Exists => s_loaded.Value.Driver is not null;

    // Where the loader's own search does not find it: the folders of Tegra, and of WSL.
    private static IEnumerable<string> Names => OperatingSystem.IsWindows() ? ["nvcuda.dll"]
        : ["libcuda.so.1", "/usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1", "/usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"];

    private static (CudaDriver?, string) Load()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_CUDA") == "0") return (null, "no CUDA: ENGINE_CUDA=0");
        nint library = 0;
        foreach (string name in Names)
            if (NativeLibrary.TryLoad(name, out library)) break;
        if (library == 0) return (null, $"no CUDA: the driver's library {Names.First()} is not on this machine");
        var driver = new CudaDriver(library);
        try
        {
            int code = driver.Init(0);
            if (code != 0) return (null, $"no CUDA: cuInit says {driver.Text(code)}");
            int version = 0;
            driver.Check(driver.DriverGetVersion(&version), "cuDriverGetVersion");
            return (driver, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{version / 1000}.{version % 1000 / 10}"));
        }
        catch (GpuException e)
        {
            return (null, $"no CUDA: {e.Message}");
        }
    }

    /// <summary>Throws what the driver says of a code other than 0.</summary>
    public void Check(int code, string what, string log = "")
    {
        if (code != 0) throw new GpuException($"{what}: {Text(code)}", code, log);
    }

    /// <summary>Name and text of a code, as <c>CUDA_ERROR_NO_DEVICE (100): no CUDA-capable device is detected</c>.</summary>
    public string Text(int code)
    {
        byte* name = null, text = null;
        if (GetErrorName(code, &name) != 0 || name is null) return $"error {code}";
        _ = GetErrorString(code, &text);
        return $"{Marshal.PtrToStringUTF8((nint)name)} ({code}): {(text is null ? "" : Marshal.PtrToStringUTF8((nint)text))}";
    }

    private nint Resolve(ref nint function, string name)
    {
        if (function != 0) return function;
        if (!NativeLibrary.TryGetExport(_library, name, out nint found)) throw new GpuException($"the CUDA driver lacks {name}: it is too old");
        return function = found;
    }
}
