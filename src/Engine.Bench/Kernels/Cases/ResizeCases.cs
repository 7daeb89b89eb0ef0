using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Linear resizes of one picture by a whole factor: of the height alone on plain tensors, of both sides on blocked ones.</summary>
internal static unsafe class ResizeCases
{
    private const string Axes = "c x h x w x factor";

    public static IEnumerable<KernelFamily> All =>
    [
        new("resample-rows", [ResampleRows.Table], Axes, ["64x56x56x2", "32x112x112x2"], d => Moved(d, d[3]), Rows),
        new("resize-blocked", [ResizeBlocked.Table, ResampleRows.Table], Axes, ["64x56x56x2", "32x112x112x2"], d => Moved(d, (double)d[3] * d[3]), Blocked),
    ];

    private static KernelWork Moved(int[] d, double growth) => new(null, 0, 4.0 * d[0] * d[1] * d[2] * (1 + growth));

    /// <summary>Two taps an output, centers of pixels half a pixel from the edge.</summary>
    private static AxisTaps Linear(int input, int factor)
    {
        int output = input * factor;
        var (indices, weights) = (new int[2 * output], new float[2 * output]);
        for (int o = 0; o < output; o++)
        {
            double at = Math.Max(0, (o + 0.5) / factor - 0.5);
            int first = (int)at;
            (indices[2 * o], indices[2 * o + 1]) = (first, Math.Min(first + 1, input - 1));
            (weights[2 * o], weights[2 * o + 1]) = ((float)(1 - (at - first)), (float)(at - first));
        }
        return new(input, output, 2, indices, weights);
    }

    private static KernelRun Rows(int[] d, Workers workers)
    {
        var (c, h, w, factor) = (d[0], d[1], d[2], d[3]);
        var taps = Linear(h, factor);
        Tensor x = Operand.Random(1, c, h, w), y = Operand.Zeros(c, taps.Output, w);
        return new(() => Resampling.Axis(workers, taps, c, w, 0, (float*)x.Pointer, (float*)y.Pointer), () => y);
    }

    private static KernelRun Blocked(int[] d, Workers workers)
    {
        const int Block = ConvBlocked.Block;
        var (c, h, w, factor) = (d[0], d[1], d[2], d[3]);
        AxisTaps down = Linear(h, factor), across = Linear(w, factor);
        int planes = (c + Block - 1) / Block, pixels = down.Output * across.Output;
        Tensor image = Operand.Random(1, c, h, w), x = Operand.Zeros((long)planes * h * w * Block), y = Operand.Zeros((long)planes * pixels * Block);
        BlockedConvert.ToBlocked(Workers.Single, image.Span<float>(), 1, c, h * w, Block, x.Span<float>());
        return new(() => ResizeBlocked.Run(workers, planes, down, across, (float*)x.Pointer, (float*)y.Pointer), () =>
        {
            var plain = Operand.Zeros(c, down.Output, across.Output);
            BlockedConvert.FromBlocked(Workers.Single, y.Span<float>(), 1, c, pixels, Block, plain.Span<float>());
            return plain;
        });
    }
}
