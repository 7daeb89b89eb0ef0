using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Peers;

/// <summary>
/// The functions of oneDNN 2's C interface that are called here. Descriptors are structures that only the library looks into; blocks
/// of <see cref="DescriptorBytes"/> hold any of them.
/// </summary>
internal static unsafe partial class DnnlApi
{
    /// <summary>Name of the library; the number is that of the interface.</summary>
    public const string Library = "libdnnl.so.2";

    /// <summary>More than the largest descriptor takes.</summary>
    public const int DescriptorBytes = 8192;

    // Values of the header's enumerations.
    public const int Cpu = 1, AnyLayout = 1, Inference = 96, ConvolutionAuto = 3, InOrder = 1;
    public const int Source = 1, Destination = 17, Weights = 33, From = 1, To = 17;
    public const int QuerySource = 129, QueryWeights = 131, QueryDestination = 133;

    /// <summary>Row-major layouts of two, four and five axes.</summary>
    public static int PlainLayout(int rank) => rank switch { 2 => 3, 4 => 5, 5 => 7, _ => throw new PeerException($"no layout of {rank} axes") };

    /// <summary>The library's number of a type.</summary>
    public static int Type(DType type) => type switch { DType.BF16 => 2, DType.F32 => 3, DType.I32 => 4, DType.I8 => 5, DType.U8 => 6, _ => throw new PeerException($"no type for {type}") };

    /// <summary>An operand of a primitive.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Argument
    {
        public int Kind;
        public nint Memory;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct VersionInfo
    {
        public int Major, Minor, Patch;
    }

    [LibraryImport(Library, EntryPoint = "dnnl_version")]
    public static partial VersionInfo* Version();

    [LibraryImport(Library, EntryPoint = "dnnl_engine_create")]
    public static partial int EngineCreate(nint* engine, int kind, nuint index);

    [LibraryImport(Library, EntryPoint = "dnnl_engine_destroy")]
    public static partial int EngineDestroy(nint engine);

    [LibraryImport(Library, EntryPoint = "dnnl_stream_create")]
    public static partial int StreamCreate(nint* stream, nint engine, uint flags);

    [LibraryImport(Library, EntryPoint = "dnnl_stream_wait")]
    public static partial int StreamWait(nint stream);

    [LibraryImport(Library, EntryPoint = "dnnl_stream_destroy")]
    public static partial int StreamDestroy(nint stream);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_desc_init_by_tag")]
    public static partial int Describe(void* description, int rank, long* dims, int type, int layout);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_desc_get_size")]
    public static partial nuint Size(void* description);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_create")]
    public static partial int MemoryCreate(nint* memory, void* description, nint engine, void* data);

    [LibraryImport(Library, EntryPoint = "dnnl_memory_destroy")]
    public static partial int MemoryDestroy(nint memory);

    [LibraryImport(Library, EntryPoint = "dnnl_matmul_desc_init")]
    public static partial int MatMulDescribe(void* operation, void* source, void* weights, void* bias, void* destination);

    [LibraryImport(Library, EntryPoint = "dnnl_convolution_forward_desc_init")]
    public static partial int ConvolutionDescribe(void* operation, int propagation, int algorithm, void* source, void* weights, void* bias, void* destination, long* strides, long* before, long* after);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_create")]
    public static partial int PlanCreate(nint* plan, void* operation, nint attributes, nint engine, nint hint);

    [LibraryImport(Library, EntryPoint = "dnnl_reorder_primitive_desc_create")]
    public static partial int ReorderPlanCreate(nint* plan, void* from, nint fromEngine, void* to, nint toEngine, nint attributes);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_query_md")]
    public static partial void* PlanDescription(nint plan, int what, int index);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_desc_destroy")]
    public static partial int PlanDestroy(nint plan);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_create")]
    public static partial int PrimitiveCreate(nint* primitive, nint plan);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_execute")]
    public static partial int Execute(nint primitive, nint stream, int count, Argument* arguments);

    [LibraryImport(Library, EntryPoint = "dnnl_primitive_destroy")]
    public static partial int PrimitiveDestroy(nint primitive);

    [LibraryImport("libgomp.so.1", EntryPoint = "omp_set_num_threads")]
    public static partial void SetThreads(int threads);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetEnvironment(string name, string value, int overwrite);
}
