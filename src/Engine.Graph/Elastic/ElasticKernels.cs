using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>Smaller windows of elastic kernels.</summary>
internal static class ElasticKernels
{
    /// <summary>The weights [M, C, …] with a window of extent <paramref name="to"/>: the middle of each next larger one, times its matrix. Sums in binary64.</summary>
    public static Tensor Shrink(ElasticKernel kernel, Tensor weights, int to)
    {
        var w = weights;
        for (int i = kernel.Choices.Count - 1; kernel.Choices[i] > to; i--)
        {
            int from = kernel.Choices[i], next = kernel.Choices[i - 1];
            var middle = new AxisRun((from - next) / 2, next);
            w = w.Take([.. w.Shape.Dims.ToArray().Select((d, axis) => (IReadOnlyList<AxisRun>)[axis < 2 ? new(0, d) : middle])]);
            if (kernel.Transforms.FirstOrDefault(t => t.From == from) is { } t) Multiply(t.Matrix, w);
        }
        return w;
    }

    private static void Multiply(IReadOnlyList<float> matrix, Tensor weights)
    {
        int taps = Checked.Int(weights.Shape.Product(2, weights.Shape.Rank));
        var x = new float[taps];
        var w = weights.Span<float>();
        for (int at = 0; at < w.Length; at += taps)
        {
            w.Slice(at, taps).CopyTo(x);
            for (int i = 0; i < taps; i++)
            {
                double sum = 0;
                for (int k = 0; k < taps; k++) sum += (double)matrix[i * taps + k] * x[k];
                w[at + i] = (float)sum;
            }
        }
    }

    /// <summary>The convolution with a smaller window over the same positions: the padding loses what the window does.</summary>
    public static Conv Shrink(Conv op, int from, int to, string node)
    {
        var a = op.Attributes;
        int axes = a.Ints("kernel_shape")?.Length ?? 0;
        if (axes == 0) return op;
        a = a.With("kernel_shape", Enumerable.Repeat((long)to, axes).ToArray());
        if (a.String("auto_pad", "NOTSET") is not ("NOTSET" or "VALID")) return new Conv(a);
        long[] dilations = a.Ints("dilations") ?? [.. Enumerable.Repeat(1L, axes)], pads = a.Ints("pads") ?? new long[2 * axes];
        long[] smaller = [.. pads.Select((p, i) => p - (from - to) / 2 * dilations[i % axes])];
        if (a.String("auto_pad", "NOTSET") == "VALID" || smaller.Any(p => p < 0)) throw new UnsupportedException($"{node}: a window of {to} in place of {from} needs a padding of at least {(from - to) / 2}, or the output would grow");
        return new Conv(a.With("pads", smaller));
    }
}
