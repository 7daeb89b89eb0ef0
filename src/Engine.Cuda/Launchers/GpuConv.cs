using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>A convolution over two axes; window, strides and dilations as ONNX Conv has them.</summary>
/// <param name="Batch">Images.</param>
/// <param name="Channels">Channels of x.</param>
/// <param name="Height">Rows of x.</param>
/// <param name="Width">Columns of x.</param>
/// <param name="OutChannels">Channels of y.</param>
/// <param name="WindowHeight">Rows of the window.</param>
/// <param name="WindowWidth">Columns of the window.</param>
public sealed record GpuConvShape(int Batch, int Channels, int Height, int Width, int OutChannels, int WindowHeight, int WindowWidth)
{
    /// <summary>Groups of channels.</summary>
    public int Groups { get; init; } = 1;

    /// <summary>Distance of windows.</summary>
    public (int Height, int Width) Stride { get; init; } = (1, 1);

    /// <summary>Rows and columns of zeros before the image.</summary>
    public (int Top, int Left) Pad { get; init; }

    /// <summary>Rows and columns of zeros behind the image.</summary>
    public (int Bottom, int Right) PadBehind { get; init; }

    /// <summary>Distance of a window's elements.</summary>
    public (int Height, int Width) Dilation { get; init; } = (1, 1);

    /// <summary>Rows of y.</summary>
    public int OutHeight => (Height + Pad.Top + PadBehind.Bottom - ((WindowHeight - 1) * Dilation.Height + 1)) / Stride.Height + 1;

    /// <summary>Columns of y.</summary>
    public int OutWidth => (Width + Pad.Left + PadBehind.Right - ((WindowWidth - 1) * Dilation.Width + 1)) / Stride.Width + 1;

    /// <summary>Pixels of y.</summary>
    public long Pixels => Checked.Mul(Batch, Checked.Mul(OutHeight, OutWidth));
}

/// <summary>Launches <c>conv-f16</c>, <c>conv-u8s8</c> and <c>conv-direct</c>.</summary>
public static class GpuConv
{
    private const int DirectThreads = 128, DirectEach = 4, ChunkBytes = 16;

    /// <summary>Channels of x as the matrix kernels want them: padded to whole chunks of 16 bytes.</summary>
    public static int PaddedChannels(int channels, DType type) => (int)Checked.AlignUp(channels, ChunkBytes * 8 / type.BitWidth());

    /// <summary>
    /// y [N, OH, OW, O] = steps(conv(x [N, H, W, C], w [O, KH, KW, C])) of one group on tensor cores, f16 or bf16; C padded as <see cref="PaddedChannels"/> says, zeros in x or in w there.
    /// </summary>
    public static void Run(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan w, GpuSpan y, GpuConvShape shape, in GpuSteps steps, int tile = 0)
    {
        RequireOneGroup(shape);
        if (shape.Pixels == 0) return;
        tile = tile == 0 ? Tile(kernels.Device, shape) : tile;
        var kernel = kernels.Get("conv-f16", $"conv_{GpuTypes.Suffix(type)}_{tile}");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(w).Add(y).AddStruct(new TileShape(shape, PaddedChannels(shape.Channels, type) * 2)).AddStruct(steps);
        stream.Launch(kernel, GpuGemm.TileLaunch(shape.Pixels, shape.OutChannels, 1, tile), arguments.Bytes);
    }

    /// <summary>
    /// The same for codes: x u8 and w s8 with channels padded to 16, w zero there. <paramref name="outside"/> is 16 bytes of x's code of zero, none for zero itself; <paramref name="bias"/> an i32 a channel or none.
    /// y is f32 or u8, as <paramref name="finish"/> says; steps are for f32.
    /// </summary>
    public static void RunCodes(GpuKernels kernels, IGpuStream stream, GpuFinish finish, GpuSpan x, GpuSpan outside, GpuSpan w, GpuSpan bias, GpuSpan y, GpuConvShape shape, in GpuRequantize requantize, in GpuSteps steps, int tile = 0)
    {
        RequireOneGroup(shape);
        if (shape.Pixels == 0) return;
        tile = tile == 0 ? Tile(kernels.Device, shape) : tile;
        var kernel = kernels.Get("conv-u8s8", $"conv_u8s8_{GpuRequantize.Suffix(finish)}_{tile}");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(outside).Add(w).Add(bias).Add(y).AddStruct(new TileShape(shape, PaddedChannels(shape.Channels, DType.U8))).AddStruct(requantize).AddStruct(steps);
        stream.Launch(kernel, GpuGemm.TileLaunch(shape.Pixels, shape.OutChannels, 1, tile), arguments.Bytes);
    }

    /// <summary>y [N, O, OH, OW] = steps(conv(x [N, C, H, W], w [O, C / groups, KH, KW]) + bias [O]), row-major, any groups; bias may be none.</summary>
    public static void RunDirect(GpuKernels kernels, IGpuStream stream, DType type, GpuSpan x, GpuSpan w, GpuSpan bias, GpuSpan y, GpuConvShape shape, in GpuSteps steps)
    {
        _ = GpuTypes.Count(Checked.Mul(shape.Pixels, shape.OutChannels));
        long parts = Checked.Mul(shape.Groups, Checked.CeilDiv(shape.OutChannels / shape.Groups, DirectEach));
        if (parts > ushort.MaxValue || shape.Batch > ushort.MaxValue) throw new UnsupportedException($"{shape.Batch} images of {shape.OutChannels} channels in {shape.Groups} groups: the GPU's direct convolution takes {ushort.MaxValue} of each");
        if (shape.Pixels == 0) return;
        var kernel = kernels.Get("conv-direct", "conv_direct_" + GpuTypes.Suffix(type));
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(w).Add(bias).Add(y).AddStruct(new DirectShape(shape)).AddStruct(steps);
        stream.Launch(kernel, new((uint)Checked.CeilDiv((long)shape.OutHeight * shape.OutWidth, DirectThreads), (uint)parts, (uint)shape.Batch, DirectThreads), arguments.Bytes);
    }

    private static void RequireOneGroup(GpuConvShape shape)
    {
        if (shape.Groups != 1) throw new UnsupportedException($"{shape.Groups} groups: the GPU's matrix convolution takes one");
        _ = GpuTypes.Count(Checked.Mul(shape.Pixels, shape.OutChannels));
    }

    private static int Tile(IGpuDevice device, GpuConvShape shape) => GpuGemm.Tile(device, shape.Pixels, shape.OutChannels, 1);

    // ConvShape of kernels/conv-tiles.cuh.
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TileShape(GpuConvShape s, int channelBytes)
    {
        private readonly int _batch = s.Batch, _height = s.Height, _width = s.Width, _channelBytes = channelBytes, _outHeight = s.OutHeight, _outWidth = s.OutWidth, _outChannels = s.OutChannels, _windowHeight = s.WindowHeight, _windowWidth = s.WindowWidth;
        private readonly int _strideHeight = s.Stride.Height, _strideWidth = s.Stride.Width, _padTop = s.Pad.Top, _padLeft = s.Pad.Left, _dilationHeight = s.Dilation.Height, _dilationWidth = s.Dilation.Width, _padding = 0;
    }

    // ConvDirect of kernels/conv-direct.cu.
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct DirectShape(GpuConvShape s)
    {
        private readonly int _batch = s.Batch, _channels = s.Channels, _height = s.Height, _width = s.Width, _outChannels = s.OutChannels, _outHeight = s.OutHeight, _outWidth = s.OutWidth, _windowHeight = s.WindowHeight, _windowWidth = s.WindowWidth, _groups = s.Groups;
        private readonly int _strideHeight = s.Stride.Height, _strideWidth = s.Stride.Width, _padTop = s.Pad.Top, _padLeft = s.Pad.Left, _dilationHeight = s.Dilation.Height, _dilationWidth = s.Dilation.Width;
    }
}
