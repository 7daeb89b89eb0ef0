using System.Runtime.InteropServices;

namespace Engine.Peers;

/// <summary>
/// The functions of ONNX Runtime's C interface that are called here. <c>OrtApi</c> is an append-only table of pointers: a slot keeps its
/// number in every version. A function returns a status that is null on success; releases return nothing. Pointers take eight bytes.
/// </summary>
[StructLayout(LayoutKind.Explicit)]
internal unsafe struct OrtApi
{
    /// <summary>Version of the table that holds every slot below.</summary>
    public const uint Version = 5;

    [FieldOffset(2 * 8)] public delegate* unmanaged<nint, byte*> GetErrorMessage;
    [FieldOffset(3 * 8)] public delegate* unmanaged<int, byte*, nint*, nint> CreateEnv;
    [FieldOffset(7 * 8)] public delegate* unmanaged<nint, byte*, nint, nint*, nint> CreateSession;
    [FieldOffset(9 * 8)] public delegate* unmanaged<nint, nint, nint*, nint*, nuint, nint*, nuint, nint*, nint> Run;
    [FieldOffset(10 * 8)] public delegate* unmanaged<nint*, nint> CreateSessionOptions;
    [FieldOffset(23 * 8)] public delegate* unmanaged<nint, int, nint> SetSessionGraphOptimizationLevel;
    [FieldOffset(24 * 8)] public delegate* unmanaged<nint, int, nint> SetIntraOpNumThreads;
    [FieldOffset(25 * 8)] public delegate* unmanaged<nint, int, nint> SetInterOpNumThreads;
    [FieldOffset(30 * 8)] public delegate* unmanaged<nint, nuint*, nint> SessionGetInputCount;
    [FieldOffset(31 * 8)] public delegate* unmanaged<nint, nuint*, nint> SessionGetOutputCount;
    [FieldOffset(33 * 8)] public delegate* unmanaged<nint, nuint, nint*, nint> SessionGetInputTypeInfo;
    [FieldOffset(34 * 8)] public delegate* unmanaged<nint, nuint, nint*, nint> SessionGetOutputTypeInfo;
    [FieldOffset(36 * 8)] public delegate* unmanaged<nint, nuint, nint, byte**, nint> SessionGetInputName;
    [FieldOffset(37 * 8)] public delegate* unmanaged<nint, nuint, nint, byte**, nint> SessionGetOutputName;
    [FieldOffset(49 * 8)] public delegate* unmanaged<nint, void*, nuint, long*, nuint, int, nint*, nint> CreateTensorWithDataAsOrtValue;
    [FieldOffset(51 * 8)] public delegate* unmanaged<nint, void**, nint> GetTensorMutableData;
    [FieldOffset(55 * 8)] public delegate* unmanaged<nint, nint*, nint> CastTypeInfoToTensorInfo;
    [FieldOffset(60 * 8)] public delegate* unmanaged<nint, int*, nint> GetTensorElementType;
    [FieldOffset(61 * 8)] public delegate* unmanaged<nint, nuint*, nint> GetDimensionsCount;
    [FieldOffset(62 * 8)] public delegate* unmanaged<nint, long*, nuint, nint> GetDimensions;
    [FieldOffset(65 * 8)] public delegate* unmanaged<nint, nint*, nint> GetTensorTypeAndShape;
    [FieldOffset(69 * 8)] public delegate* unmanaged<int, int, nint*, nint> CreateCpuMemoryInfo;
    [FieldOffset(76 * 8)] public delegate* unmanaged<nint, void*, nint> AllocatorFree;
    [FieldOffset(78 * 8)] public delegate* unmanaged<nint*, nint> GetAllocatorWithDefaultOptions;
    [FieldOffset(93 * 8)] public delegate* unmanaged<nint, void> ReleaseStatus;
    [FieldOffset(95 * 8)] public delegate* unmanaged<nint, void> ReleaseSession;
    [FieldOffset(96 * 8)] public delegate* unmanaged<nint, void> ReleaseValue;
    [FieldOffset(98 * 8)] public delegate* unmanaged<nint, void> ReleaseTypeInfo;
    [FieldOffset(99 * 8)] public delegate* unmanaged<nint, void> ReleaseTensorTypeAndShapeInfo;
    [FieldOffset(100 * 8)] public delegate* unmanaged<nint, void> ReleaseSessionOptions;
    [FieldOffset(130 * 8)] public delegate* unmanaged<nint, byte*, byte*, nint> AddSessionConfigEntry;
}
