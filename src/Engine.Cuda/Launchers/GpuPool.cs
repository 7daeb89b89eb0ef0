using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>Launches <c>pool</c>.</summary>
public static class GpuPool
{
    private const int Threads = 128;

    /// <summary>y [N, C, OH, OW] = largest or mean of x [N, C, H, W] under the shape's window; means count zeros outside the image where <paramref name="countOutside"/>. The shape's channels out are not read.</summary>
    public static void Run(GpuKernels kernels, IGpuStream stream, DType type, bool largest, GpuSpan x, GpuSpan y, GpuConvShape shape, bool countOutside = false)
    {
        long count = Checked.Mul(shape.Pixels, shape.Channels);
        if (count == 0) return;
        _ = GpuTypes.Count(count);
        var kernel = kernels.Get("pool", $"pool_{(largest ? "largest" : "mean")}_{GpuTypes.Suffix(type)}");
        var arguments = new KernelArguments(kernel.Entry, stackalloc byte[kernel.Entry.ArgumentBytes]).Add(x).Add(y).AddStruct(new Pool(shape, countOutside));
        stream.Launch(kernel, new(GpuTypes.Blocks(kernels.Device, count, Threads), 1, 1, Threads), arguments.Bytes);
    }

    // Pool of kernels/pool.cu.
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Pool(GpuConvShape s, bool countOutside)
    {
        private readonly int _planes = s.Batch * s.Channels, _height = s.Height, _width = s.Width, _outHeight = s.OutHeight, _outWidth = s.OutWidth, _windowHeight = s.WindowHeight, _windowWidth = s.WindowWidth;
        private readonly int _strideHeight = s.Stride.Height, _strideWidth = s.Stride.Width, _padTop = s.Pad.Top, _padLeft = s.Pad.Left, _dilationHeight = s.Dilation.Height, _dilationWidth = s.Dilation.Width;
        private readonly int _countOutside = countOutside ? 1 : 0, _padBottom = s.PadBehind.Bottom, _padRight = s.PadBehind.Right;
    }
}
