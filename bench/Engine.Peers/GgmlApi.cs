using System.Runtime.InteropServices;

namespace Engine.Peers;

/// <summary>The functions of ggml's C interface that are called here: tensors and graphs from one library, kernels from another.</summary>
internal sealed unsafe class GgmlApi
{
    public const int F32 = 0;

    // Largest number of processors that its threads can be bound to.
    private const int Processors = 512;

    public readonly delegate* unmanaged<InitParameters, nint> Init;
    public readonly delegate* unmanaged<nint, void> Free, ThreadPoolFree;
    public readonly delegate* unmanaged<nint, int, long, long, nint> NewTensor2;
    public readonly delegate* unmanaged<nint, nint, nint, nint> MultiplyMatrices;
    public readonly delegate* unmanaged<nint, nint> NewGraph;
    public readonly delegate* unmanaged<nint, nint, void> Expand;
    public readonly delegate* unmanaged<nint, float*> Data;
    public readonly delegate* unmanaged<nint, byte*> Bytes;
    public readonly delegate* unmanaged<nint, byte*, nuint, nuint, void> Set;
    public readonly delegate* unmanaged<nint, nint, nint> Allocate;
    public readonly delegate* unmanaged<nint, void> FreeBuffer;
    public readonly delegate* unmanaged<nint> RepackedMemory;
    public readonly delegate* unmanaged<byte*> GetVersion;
    public readonly delegate* unmanaged<void> CpuInit;
    public readonly delegate* unmanaged<ThreadPoolParameters*, nint> ThreadPoolNew;
    public readonly delegate* unmanaged<nint, int, nint, Plan> GraphPlan;
    public readonly delegate* unmanaged<nint, Plan*, int> GraphCompute;
    public readonly delegate* unmanaged<int, TypeTraits*> GetTypeTraits;

    public GgmlApi(nint tensors, nint kernels)
    {
        Init = (delegate* unmanaged<InitParameters, nint>)NativeLibrary.GetExport(tensors, "ggml_init");
        Free = (delegate* unmanaged<nint, void>)NativeLibrary.GetExport(tensors, "ggml_free");
        NewTensor2 = (delegate* unmanaged<nint, int, long, long, nint>)NativeLibrary.GetExport(tensors, "ggml_new_tensor_2d");
        MultiplyMatrices = (delegate* unmanaged<nint, nint, nint, nint>)NativeLibrary.GetExport(tensors, "ggml_mul_mat");
        NewGraph = (delegate* unmanaged<nint, nint>)NativeLibrary.GetExport(tensors, "ggml_new_graph");
        Expand = (delegate* unmanaged<nint, nint, void>)NativeLibrary.GetExport(tensors, "ggml_build_forward_expand");
        Data = (delegate* unmanaged<nint, float*>)NativeLibrary.GetExport(tensors, "ggml_get_data_f32");
        GetTypeTraits = (delegate* unmanaged<int, TypeTraits*>)NativeLibrary.GetExport(tensors, "ggml_get_type_traits");
        Bytes = (delegate* unmanaged<nint, byte*>)NativeLibrary.GetExport(tensors, "ggml_get_data");
        Set = (delegate* unmanaged<nint, byte*, nuint, nuint, void>)NativeLibrary.GetExport(tensors, "ggml_backend_tensor_set");
        Allocate = (delegate* unmanaged<nint, nint, nint>)NativeLibrary.GetExport(tensors, "ggml_backend_alloc_ctx_tensors_from_buft");
        FreeBuffer = (delegate* unmanaged<nint, void>)NativeLibrary.GetExport(tensors, "ggml_backend_buffer_free");
        // A function of C++: it has no other name.
        RepackedMemory = (delegate* unmanaged<nint>)NativeLibrary.GetExport(kernels, "_Z35ggml_backend_cpu_repack_buffer_typev");
        GetVersion = (delegate* unmanaged<byte*>)NativeLibrary.GetExport(tensors, "ggml_version");
        CpuInit = (delegate* unmanaged<void>)NativeLibrary.GetExport(kernels, "ggml_cpu_init");
        ThreadPoolNew = (delegate* unmanaged<ThreadPoolParameters*, nint>)NativeLibrary.GetExport(kernels, "ggml_threadpool_new");
        ThreadPoolFree = (delegate* unmanaged<nint, void>)NativeLibrary.GetExport(kernels, "ggml_threadpool_free");
        GraphPlan = (delegate* unmanaged<nint, int, nint, Plan>)NativeLibrary.GetExport(kernels, "ggml_graph_plan");
        GraphCompute = (delegate* unmanaged<nint, Plan*, int>)NativeLibrary.GetExport(kernels, "ggml_graph_compute");
    }

    /// <summary>Memory of a context; it allocates where <see cref="Memory"/> is null.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct InitParameters
    {
        public nuint Bytes;
        public nint Memory;
        public byte NoData;
    }

    /// <summary>A pool of threads; with <see cref="Strict"/> each is bound to one of the processors that the mask allows: in order, and the thread that makes the pool last. An empty mask binds none.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct ThreadPoolParameters
    {
        public fixed byte Mask[Processors];
        public int Threads, Priority;
        public uint Poll;
        public byte Strict, Paused;
    }

    /// <summary>What ggml knows of an element type; all null for one it does not have.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TypeTraits
    {
        public byte* Name;
        public long BlockElements, BlockInterleave;
        public nuint BlockBytes;
        public byte IsQuantized;
        public delegate* unmanaged<byte*, float*, long, void> ToFloat;
        public delegate* unmanaged<float*, byte*, long, void> FromFloat;
    }

    /// <summary>How a graph runs. The library returns it through a pointer, and later versions may append fields: there is room for them.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Plan
    {
        public nuint WorkBytes;
        public byte* Work;
        public int Threads;
        public nint Pool;
        public nint Abort, AbortData;
        public fixed long Room[8];
    }
}
