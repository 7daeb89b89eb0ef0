using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Convolution of one channel along one axis, as for spectra: y[m, p] = Σk w[m, k] · x[p · stride + k · dilation]. The inputs of a pixel are a
/// row of a product's left operand as they lie, rows overlap, and the weights are the right one: pixels are few and output channels many.
/// </summary>
public static unsafe class Conv1dF32
{
    // With more pixels, columns of pixels fill whole vectors, and their outputs need no transposition.
    private const int MostPixels = 64;

    /// <summary>True when this kernel computes the shape: few pixels, no padding, and no taps beyond the end.</summary>
    public static bool Supports(in ConvShape s) => s is { Channels: 1, Group: 1 } && IsOne(s.Window.D) && IsOne(s.Window.H) && s.Window.W is { Pad: 0, Output: > 0 and <= MostPixels }
        && (s.Window.W.Output - 1L) * s.Window.W.Stride + (s.Window.W.Kernel - 1L) * s.Window.W.Dilation < s.Window.W.Input;

    private static bool IsOne(WindowDim d) => d is { Input: 1, Output: 1, Kernel: 1 };

    /// <summary>Floats of the packed weights.</summary>
    public static long PackedLength(in ConvShape s) => GemmF32.PackedLength(s.Window.W.Kernel, s.OutChannels);

    /// <summary>Floats of workspace.</summary>
    public static long WorkFloats(in ConvShape s) => Tensors.Checked.Mul(s.Window.W.Output, s.OutChannels);

    /// <summary>Packs weights [M, K].</summary>
    public static void Pack(Workers workers, in ConvShape s, float* w, float* packed) => GemmF32.Pack(workers, s.Window.W.Kernel, s.OutChannels, w, 1, s.Window.W.Kernel, packed);

    /// <summary>Runs the convolution; <paramref name="bias"/> may be null.</summary>
    public static void Run(Workers workers, in ConvShape s, float* x, float* packed, float* bias, float* y, float* work, in StoreEpilogue epilogue)
    {
        var w = s.Window.W;
        int channels = s.OutChannels;
        for (int n = 0; n < s.Batch; n++, x += w.Input, y += (nint)channels * w.Output)
        {
            GemmF32.Run(workers, w.Output, channels, w.Kernel, x, w.Stride, w.Dilation, packed, work, channels, new Transposed(bias, y, w.Output));
            if (epilogue.Count > 0) workers.For(channels, Math.Max(1, 16384 / w.Output), new Finish(epilogue, y, (nint)n * channels * w.Output, w.Output));
        }
    }

    // Pixels become columns.
    private readonly struct Transposed(float* bias, float* y, nint pixels) : IGemmEpilogue
    {
        public bool IsEmpty => false;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Apply(int row, int column, Span<float> values)
        {
            float* to = y + column * pixels + row;
            for (int i = 0; i < values.Length; i++, to += pixels) *to = values[i] + (bias is null ? 0 : bias[column + i]);
        }
    }

    private readonly struct Finish(StoreEpilogue epilogue, float* y, nint offset, int pixels) : IParallelBody
    {
        public void Run(int start, int end) => epilogue.Apply(offset + (nint)start * pixels, new Span<float>(y + (nint)start * pixels, (end - start) * pixels));
    }
}
