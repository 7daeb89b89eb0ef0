using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>W · x for a W of compressed sparse rows: the outliers beside a dense product, or a weight with few entries. A row is summed in binary64.</summary>
public static unsafe class CsrMatVec
{
    /// <summary>y += W · x for <paramref name="rows"/> rows; columns are u16, or i32 where <paramref name="wide"/>.</summary>
    public static void Add(Workers workers, int rows, int* starts, byte* columns, bool wide, float* values, float* x, float* y) =>
        workers.For(rows, Grain(rows, starts, 1), new AddBody(new(starts, columns, wide, values), x, y));

    /// <summary>y = W · x for <paramref name="count"/> vectors x and y, <paramref name="xStride"/> and <paramref name="yStride"/> floats apart.</summary>
    public static void Run<TEpilogue>(Workers workers, int count, int rows, int* starts, byte* columns, bool wide, float* values, float* x, nint xStride, float* y, nint yStride, TEpilogue epilogue) where TEpilogue : struct, IGemmEpilogue =>
        workers.For(rows, Grain(rows, starts, count), new RunBody<TEpilogue>(new(starts, columns, wide, values), count, x, xStride, y, yStride, epilogue));

    private static int Grain(int rows, int* starts, int count) => (int)Math.Clamp(16384.0 * rows / Math.Max(1, (double)starts[rows] * count), 1, 65536);

    private readonly struct Rows(int* starts, byte* columns, bool wide, float* values)
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public float Dot(int row, float* x)
        {
            // Four sums by turns: one would wait for itself.
            double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            int i = starts[row], end = starts[row + 1];
            for (; i <= end - 4; i += 4)
            {
                s0 += (double)values[i] * x[Column(i)];
                s1 += (double)values[i + 1] * x[Column(i + 1)];
                s2 += (double)values[i + 2] * x[Column(i + 2)];
                s3 += (double)values[i + 3] * x[Column(i + 3)];
            }
            for (; i < end; i++) s0 += (double)values[i] * x[Column(i)];
            return (float)(s0 + s1 + (s2 + s3));
        }

        private int Column(int i) => wide ? ((int*)columns)[i] : ((ushort*)columns)[i];
    }

    private readonly struct AddBody(Rows w, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++) y[r] += w.Dot(r, x);
        }
    }

    private readonly struct RunBody<TEpilogue>(Rows w, int count, float* x, nint xStride, float* y, nint yStride, TEpilogue epilogue) : IParallelBody where TEpilogue : struct, IGemmEpilogue
    {
        public void Run(int start, int end)
        {
            for (int i = 0; i < count; i++)
            {
                float* to = y + i * yStride;
                for (int r = start; r < end; r++) to[r] = w.Dot(r, x + i * xStride);
                if (!epilogue.IsEmpty) epilogue.Apply(i, start, new Span<float>(to + start, end - start));
            }
        }
    }
}
