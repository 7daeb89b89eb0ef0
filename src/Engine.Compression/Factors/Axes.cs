using Engine.Kernels;

namespace Engine.Compression;

/// <summary>Filter banks [outputs, inputs, height, width] seen along other axes.</summary>
internal static class Axes
{
    /// <summary>Axes 0 and 1 of [a, b, c] exchanged.</summary>
    public static float[] Swap(float[] x, int a, int b, int c)
    {
        var y = new float[x.LongLength];
        for (int i = 0; i < a; i++)
            for (int j = 0; j < b; j++) Array.Copy(x, ((long)i * b + j) * c, y, ((long)j * a + i) * c, c);
        return y;
    }

    /// <summary>Axes 1 and 2 of [a, b, c] exchanged.</summary>
    public static float[] SwapLast(float[] x, int a, int b, int c)
    {
        var y = new float[x.LongLength];
        long at = 0;
        for (int i = 0; i < a; i++)
            for (int j = 0; j < b; j++)
                for (int k = 0; k < c; k++, at++) y[((long)i * c + k) * b + j] = x[at];
        return y;
    }

    /// <summary>core [r, s, taps] and inputs [s, inputs]: [r, inputs, taps].</summary>
    public static float[] Expand(float[] core, float[] inputs, int r, int s, int taps, int channels, Workers workers) =>
        SwapLast(Products.Times(SwapLast(core, r, s, taps), r * taps, inputs, channels, s, workers), r, taps, channels);

    /// <summary>down [rank, inputs, height] and across [outputs, rank, width]: [outputs, inputs, height, width].</summary>
    public static float[] JoinWindow(float[] down, float[] across, Layer layer, int rank, Workers workers)
    {
        var (inputs, height, width) = Window(layer);
        // [outputs, width, rank] · [rank, inputs · height].
        var joined = Products.Times(SwapLast(across, layer.Rows, rank, width), layer.Rows * width, down, inputs * height, rank, workers);
        return SwapLast(joined, layer.Rows, width, inputs * height);
    }

    /// <summary>[rank, inputs], [rank, height] and [rank, width]: [rank, inputs, height, width].</summary>
    public static float[] Outer(float[] inputs, float[] height, float[] width, int rank)
    {
        int c = inputs.Length / rank, h = height.Length / rank, w = width.Length / rank;
        var y = new float[(long)rank * c * h * w];
        long at = 0;
        for (int r = 0; r < rank; r++)
            for (int i = 0; i < c; i++)
                for (int j = 0; j < h; j++)
                    for (int k = 0; k < w; k++) y[at++] = inputs[r * c + i] * height[r * h + j] * width[r * w + k];
        return y;
    }

    /// <summary>Input channels, height and width of a filter.</summary>
    public static (int Inputs, int Height, int Width) Window(Layer layer) => (layer.Columns / layer.Taps, layer.Weight.Shape.Int(2), layer.Weight.Shape.Int(3));
}
