using System.Runtime.InteropServices;

namespace Engine.Peers;

/// <summary>ONNX Runtime reported an error.</summary>
public sealed class OrtException(string message) : Exception(message);

/// <summary>The ONNX Runtime library that <c>./build.sh peers</c> fetches, loaded once a process.</summary>
public static unsafe class OnnxRuntime
{
    private const string RelativePath = ".peers/onnxruntime/libonnxruntime.so.1";

    // Values of OrtLoggingLevel, OrtAllocatorType and OrtMemType.
    private const int LogErrors = 3, ArenaAllocator = 1, DefaultMemory = 0;

    private static readonly Lazy<State> s_state = new(Load);

    /// <summary>The library, or null where it was not fetched; <c>ENGINE_ONNXRUNTIME</c> names another.</summary>
    public static string? LibraryPath { get; } = Find();

    /// <summary>Why nothing can be compared with ONNX Runtime here, or null.</summary>
    public static string? Missing => LibraryPath is null ? $"no {RelativePath}: run ./build.sh peers (Linux on x64)" : null;

    /// <summary>Version of the library.</summary>
    public static string Version => s_state.Value.Version;

    internal static OrtApi* Api => s_state.Value.Api;

    internal static nint Env => s_state.Value.Env;

    internal static nint Memory => s_state.Value.Memory;

    internal static nint Allocator => s_state.Value.Allocator;

    internal static void Check(nint status) => Check(Api, status);

    private static void Check(OrtApi* api, nint status)
    {
        if (status == 0) return;
        string message = Marshal.PtrToStringUTF8((nint)api->GetErrorMessage(status)) ?? "";
        api->ReleaseStatus(status);
        throw new OrtException(message);
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("ENGINE_ONNXRUNTIME") is { Length: > 0 } given) return given;
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return null;
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(Path.Combine(d.FullName, "Engine.sln")))
                return Path.Combine(d.FullName, RelativePath) is var path && File.Exists(path) ? path : null;
        return null;
    }

    private static State Load()
    {
        nint library = NativeLibrary.Load(LibraryPath ?? throw new OrtException(Missing!));
        // OrtApiBase is { GetApi(version), GetVersionString() }.
        void** root = ((delegate* unmanaged<void**>)NativeLibrary.GetExport(library, "OrtGetApiBase"))();
        var api = ((delegate* unmanaged<uint, OrtApi*>)root[0])(OrtApi.Version);
        string version = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)root[1])()) ?? "";
        nint env, memory, allocator;
        fixed (byte* name = "engine-peers\0"u8) Check(api, api->CreateEnv(LogErrors, name, &env));
        Check(api, api->CreateCpuMemoryInfo(ArenaAllocator, DefaultMemory, &memory));
        Check(api, api->GetAllocatorWithDefaultOptions(&allocator));
        return new(api, version, env, memory, allocator);
    }

    private sealed class State(OrtApi* api, string version, nint env, nint memory, nint allocator)
    {
        public OrtApi* Api { get; } = api;

        public string Version { get; } = version;

        public nint Env { get; } = env;

        public nint Memory { get; } = memory;

        public nint Allocator { get; } = allocator;
    }
}
