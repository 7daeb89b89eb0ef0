using System.Runtime.InteropServices;

namespace Engine.Kernels;

/// <summary>
/// The optional library of kernels in C (folder native/ of the repository), for instructions that .NET has no intrinsics for. It is taken from
/// beside the program or from its runtimes/RID/native, nowhere else; without it, or with <c>ENGINE_NATIVE=0</c>, kernels run their next tier.
/// </summary>
public static unsafe class NativeKernels
{
    // ENGINE_KERNELS_ABI of native/engine-kernels.h: what functions take.
    private const int Abi = 3;

    private static readonly Dictionary<(string Stem, string Tier), nint> s_functions = [];

    /// <summary>The library's file, or null where none was loaded.</summary>
    public static string? Path { get; private set; }

    /// <summary>The file that was loaded, from the program's folder on, or why there is none.</summary>
    public static string Status { get; } = Load();

    /// <summary>Address of the function of a stem's tier, as native/engine-kernels.h declares it; 0 where the library or the CPU does not have it.</summary>
    public static nint Find(string stem, string tier) => s_functions.GetValueOrDefault((stem, tier));

    /// <summary>Where the library may lie below a program's folder, in this order.</summary>
    internal static IEnumerable<string> Candidates(string folder)
    {
        string file = OperatingSystem.IsWindows() ? "engine-kernels.dll" : OperatingSystem.IsMacOS() ? "libengine-kernels.dylib" : "libengine-kernels.so";
        yield return System.IO.Path.Combine(folder, file);
        yield return System.IO.Path.Combine(folder, "runtimes", Rid, "native", file);
    }

    // The portable RID: that of the running system may name a distribution.
    private static string Rid
    {
        get
        {
            string system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal) ? "linux-musl" : "linux";
            return RuntimeInformation.ProcessArchitecture switch
            {
                Architecture.X64 => system + "-x64",
                Architecture.Arm64 => system + "-arm64",
                _ => "none",
            };
        }
    }

    private static string Load()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_NATIVE") == "0") return "none: ENGINE_NATIVE=0";
        if (!System.IO.Path.IsPathFullyQualified(AppContext.BaseDirectory)) return "none: the program has no folder";
        if (Candidates(AppContext.BaseDirectory).FirstOrDefault(File.Exists) is not { } path) return "none beside the program";
        return Load(path);
    }

    private static string Load(string path)
    {
        if (!NativeLibrary.TryLoad(path, out nint library)) return $"none: {path} is no library for this process";
        if (!NativeLibrary.TryGetExport(library, "engine_kernels_abi", out nint abi) || !NativeLibrary.TryGetExport(library, "engine_kernels", out nint list))
            return $"none: {path} is another library";
        if (((delegate* unmanaged<int>)abi)() is var version && version != Abi) return $"none: {path} has interface {version}, expected {Abi}";
        int count;
        var kernels = ((delegate* unmanaged<int*, Kernel*>)list)(&count);
        for (int i = 0; i < count; i++)
            if (kernels[i].Supported != 0) s_functions.Add((Name(kernels[i].Stem), Name(kernels[i].Tier)), kernels[i].Run);
        Path = path;
        return System.IO.Path.GetRelativePath(AppContext.BaseDirectory, path);
    }

    private static string Name(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    /// <summary>engine_kernel of native/engine-kernels.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Kernel
    {
        public readonly byte* Stem, Tier;
        public readonly nint Run;
        public readonly int Supported;
    }
}
