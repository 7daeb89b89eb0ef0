using System.Numerics;

namespace Engine.Kernels;

/// <summary>Pools over regions of interest.</summary>
public static unsafe class RegionPooling
{
    /// <summary>Sizes and scale of a RoiAlign.</summary>
    public readonly record struct AlignSpec(int Batch, int Channels, int Height, int Width, int Regions, int OutHeight, int OutWidth, int SamplingRatio, double Scale, bool HalfPixel, bool Max);

    /// <summary>Bilinear samples of each region's bins, averaged or maximized; regions [x1, y1, x2, y2].</summary>
    public static void Align<T>(Workers workers, in AlignSpec s, T* x, T* regions, long* batch, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        workers.For(s.Regions, 1, new AlignBody<T>(s, x, regions, batch, y));

    private readonly struct AlignBody<T>(AlignSpec s, T* x, T* regions, long* batch, T* y) : IParallelBody where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // More samples a bin than pixels in the image add nothing; regions come from the model's input and may be of any size.
        private const int MaxSamples = 4096;

        public void Run(int start, int end)
        {
            double shift = s.HalfPixel ? 0.5 : 0;
            for (int r = start; r < end; r++)
            {
                T* box = regions + (nint)r * 4;
                double x1 = double.CreateTruncating(box[0]) * s.Scale - shift, y1 = double.CreateTruncating(box[1]) * s.Scale - shift;
                double width = double.CreateTruncating(box[2]) * s.Scale - shift - x1, height = double.CreateTruncating(box[3]) * s.Scale - shift - y1;
                if (!s.HalfPixel) (width, height) = (Math.Max(width, 1), Math.Max(height, 1));
                double binW = width / s.OutWidth, binH = height / s.OutHeight;
                int samplesH = Samples(binH), samplesW = Samples(binW);
                for (int c = 0; c < s.Channels; c++)
                {
                    T* image = x + ((nint)batch[r] * s.Channels + c) * s.Height * s.Width, to = y + ((nint)r * s.Channels + c) * s.OutHeight * s.OutWidth;
                    for (int ph = 0; ph < s.OutHeight; ph++)
                        for (int pw = 0; pw < s.OutWidth; pw++)
                        {
                            double sum = 0, max = double.NegativeInfinity;
                            for (int i = 0; i < samplesH; i++)
                                for (int j = 0; j < samplesW; j++)
                                    Sample(image, y1 + (ph + (i + 0.5) / samplesH) * binH, x1 + (pw + (j + 0.5) / samplesW) * binW, ref sum, ref max);
                            *to++ = T.CreateTruncating(s.Max ? samplesH * samplesW == 0 ? 0 : max : sum / Math.Max(1, samplesH * samplesW));
                        }
                }
            }
        }

        private int Samples(double bin) => s.SamplingRatio > 0 ? Math.Min(s.SamplingRatio, MaxSamples) : double.IsFinite(bin) ? (int)Math.Clamp(Math.Ceiling(bin), 0, MaxSamples) : 0;

        // The maximum is that of the four weighted pixels of every sample, as the standard's test data have it.
        private void Sample(T* image, double row, double column, ref double sum, ref double max)
        {
            if (!(row >= -1 && row <= s.Height && column >= -1 && column <= s.Width))
            {
                max = Math.Max(max, 0);
                return;
            }
            (row, column) = (Math.Clamp(row, 0, s.Height - 1), Math.Clamp(column, 0, s.Width - 1));
            int y0 = (int)row, x0 = (int)column, y2 = Math.Min(y0 + 1, s.Height - 1), x2 = Math.Min(x0 + 1, s.Width - 1);
            double ly = row - y0, lx = column - x0;
            double a = (1 - ly) * (1 - lx) * At(image, y0, x0), b = (1 - ly) * lx * At(image, y0, x2), c = ly * (1 - lx) * At(image, y2, x0), d = ly * lx * At(image, y2, x2);
            sum += a + b + c + d;
            max = Math.Max(max, Math.Max(Math.Max(a, b), Math.Max(c, d)));
        }

        private double At(T* image, int row, int column) => double.CreateTruncating(image[(nint)row * s.Width + column]);
    }

    /// <summary>The maximum over the bins of each region [batch, x1, y1, x2, y2], corners rounded to pixels; 0 for an empty bin. Batches must be in range.</summary>
    public static void Max<T>(Workers workers, in AlignSpec s, T* x, T* regions, T* y) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        workers.For(s.Regions, 1, new MaxBody<T>(s, x, regions, y));

    private readonly struct MaxBody<T>(AlignSpec s, T* x, T* regions, T* y) : IParallelBody where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++)
            {
                T* box = regions + (nint)r * 5;
                double x1 = Pixel(box[1]), y1 = Pixel(box[2]), binW = Math.Max(Pixel(box[3]) - x1 + 1, 1) / s.OutWidth, binH = Math.Max(Pixel(box[4]) - y1 + 1, 1) / s.OutHeight;
                for (int c = 0; c < s.Channels; c++)
                {
                    T* image = x + ((nint)int.CreateTruncating(box[0]) * s.Channels + c) * s.Height * s.Width, to = y + ((nint)r * s.Channels + c) * s.OutHeight * s.OutWidth;
                    for (int ph = 0; ph < s.OutHeight; ph++)
                    {
                        int h0 = Bound(Math.Floor(ph * binH) + y1, s.Height), h1 = Bound(Math.Ceiling((ph + 1) * binH) + y1, s.Height);
                        for (int pw = 0; pw < s.OutWidth; pw++)
                        {
                            int w0 = Bound(Math.Floor(pw * binW) + x1, s.Width), w1 = Bound(Math.Ceiling((pw + 1) * binW) + x1, s.Width);
                            T best = h0 < h1 && w0 < w1 ? T.NegativeInfinity : T.Zero;
                            for (int i = h0; i < h1; i++)
                                for (int j = w0; j < w1; j++) best = T.Max(best, image[(nint)i * s.Width + j]);
                            *to++ = best;
                        }
                    }
                }
            }
        }

        private double Pixel(T v)
        {
            double p = Math.Round(double.CreateTruncating(v) * s.Scale, MidpointRounding.AwayFromZero);
            return double.IsFinite(p) ? Math.Clamp(p, -1e9, 1e9) : 0;
        }

        private static int Bound(double v, int size) => (int)Math.Clamp(v, 0, size);
    }
}
