namespace Engine.Kernels;

/// <summary>y += W · x for a W of compressed sparse rows: the outliers beside a dense product. A row is summed in binary64.</summary>
public static unsafe class CsrMatVec
{
    /// <summary>Adds the product of <paramref name="rows"/> rows; columns are u16, or i32 where <paramref name="wide"/>.</summary>
    public static void Add(Workers workers, int rows, int* starts, byte* columns, bool wide, float* values, float* x, float* y) =>
        workers.For(rows, (int)Math.Clamp(16384L * rows / Math.Max(1, starts[rows]), 1, 65536), new Body(starts, columns, wide, values, x, y));

    private readonly struct Body(int* starts, byte* columns, bool wide, float* values, float* x, float* y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int r = start; r < end; r++)
            {
                double sum = 0;
                if (wide) for (int i = starts[r]; i < starts[r + 1]; i++) sum += (double)values[i] * x[((int*)columns)[i]];
                else for (int i = starts[r]; i < starts[r + 1]; i++) sum += (double)values[i] * x[((ushort*)columns)[i]];
                y[r] += (float)sum;
            }
        }
    }
}
