using System.Runtime.InteropServices;

namespace Engine.Peers;

/// <summary>The functions of XNNPACK's C interface that are called here, as Debian 12 packages them: later versions take more arguments.</summary>
internal static unsafe partial class XnnpackApi
{
    /// <summary>Name of the library; later packages of Debian have other numbers.</summary>
    public const string Library = "libXNNPACK.so.0";

    /// <summary>What the library may read beyond an input.</summary>
    public const int ExtraBytes = 16;

    [LibraryImport(Library, EntryPoint = "xnn_initialize")]
    public static partial int Initialize(nint allocator);

    [LibraryImport(Library, EntryPoint = "xnn_create_convolution2d_nchw_f32")]
    public static partial int ConvolutionCreate(
        uint top, uint right, uint bottom, uint left, uint kernelHeight, uint kernelWidth, uint strideHeight, uint strideWidth, uint dilationHeight, uint dilationWidth,
        uint groups, nuint inputs, nuint outputs, nuint inputStride, nuint outputStride, float* weights, float* bias, float lowest, float highest, uint flags, nint* convolution);

    [LibraryImport(Library, EntryPoint = "xnn_setup_convolution2d_nchw_f32")]
    public static partial int ConvolutionSetup(nint convolution, nuint batch, nuint height, nuint width, float* input, float* output, nint threads);

    [LibraryImport(Library, EntryPoint = "xnn_run_operator")]
    public static partial int Run(nint operation, nint threads);

    [LibraryImport(Library, EntryPoint = "xnn_delete_operator")]
    public static partial int Delete(nint operation);
}
