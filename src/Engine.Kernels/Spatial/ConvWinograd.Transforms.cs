using System.Runtime.CompilerServices;

namespace Engine.Kernels;

public static unsafe partial class ConvWinograd
{
    // The points ±A and ±B, and what the transforms take of them.
    private const float A = 0.625f, B = 1.5f, A2 = A * A, B2 = B * B, A3 = A * A * A, B3 = B * B * B, Product = A2 * B2, Sum = A2 + B2;

    /// <summary>Transforms 6 × 6 pixels of 16 channels, rows <paramref name="rowStep"/> floats apart, to 36 positions <paramref name="positionStep"/> floats apart.</summary>
    public delegate void InputFn(float* x, nint rowStep, float* v, nint positionStep);

    /// <summary>A tile of 4 × 4 outputs of 16 channels.</summary>
    public struct OutputTile
    {
        /// <summary>The sums of position 0; floats from a position to the next.</summary>
        public float* M;

        /// <summary>Floats from a position to the next.</summary>
        public nint PositionStep;

        /// <summary>16 values, or null.</summary>
        public float* Bias;

        /// <summary>The first output; floats from a row of outputs to the next.</summary>
        public float* Y;

        /// <summary>Floats from a row of outputs to the next.</summary>
        public nint RowStep;

        /// <summary>Rows and columns that lie inside the image.</summary>
        public int Rows, Columns;

        /// <summary>What is done before storing.</summary>
        public StoreTail Tail;
    }

    /// <summary>Transforms the sums of a tile back.</summary>
    public delegate void OutputFn(in OutputTile t);

    /// <summary>Best first: a wider vector does more channels at once; the reference computes in double.</summary>
    public static KernelTable<InputFn> InputTable { get; } = new("winograd-input",
        new("avx512", F32x16.IsSupported, Input<F32x16>),
        new("avx2", F32x8.IsSupported, Input<F32x8>),
        new("vector", F32x4.IsSupported, Input<F32x4>),
        new("scalar", true, InputScalar));

    /// <summary>As <see cref="InputTable"/>.</summary>
    public static KernelTable<OutputFn> OutputTable { get; } = new("winograd-output",
        new("avx512", F32x16.IsSupported, static (in OutputTile t) => Output<F32x16>(t)),
        new("avx2", F32x8.IsSupported, static (in OutputTile t) => Output<F32x8>(t)),
        new("vector", F32x4.IsSupported, static (in OutputTile t) => Output<F32x4>(t)),
        new("scalar", true, OutputScalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Input<TV>(float* x, nint rowStep, float* v, nint positionStep) where TV : unmanaged, IF32Vector<TV>
    {
        float* half = stackalloc float[Positions * Block];
        for (int lane = 0; lane < Block; lane += TV.Count)
        {
            for (int column = 0; column < Inputs; column++) Forward<TV>(x + column * Block + lane, rowStep, half + column * Block + lane, Inputs * Block);
            for (int row = 0; row < Inputs; row++) Forward<TV>(half + row * Inputs * Block + lane, Block, v + row * Inputs * positionStep + lane, positionStep);
        }
    }

    /// <summary>Six inputs to six values: the rows of Bᵀ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Forward<TV>(float* x, nint step, float* y, nint to) where TV : unmanaged, IF32Vector<TV>
    {
        TV d0 = TV.Load(x), d1 = TV.Load(x + step), d2 = TV.Load(x + 2 * step), d3 = TV.Load(x + 3 * step), d4 = TV.Load(x + 4 * step), d5 = TV.Load(x + 5 * step);
        TV evenA = TV.Fma(TV.Of(-B2), d2, d4), oddA = TV.Of(A) * TV.Fma(TV.Of(-B2), d1, d3);
        TV evenB = TV.Fma(TV.Of(-A2), d2, d4), oddB = TV.Of(B) * TV.Fma(TV.Of(-A2), d1, d3);
        TV.Fma(TV.Of(Product), d0, TV.Fma(TV.Of(-Sum), d2, d4)).Store(y);
        (evenA + oddA).Store(y + to);
        (evenA - oddA).Store(y + 2 * to);
        (evenB + oddB).Store(y + 3 * to);
        (evenB - oddB).Store(y + 4 * to);
        TV.Fma(TV.Of(Product), d1, TV.Fma(TV.Of(-Sum), d3, d5)).Store(y + 5 * to);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Output<TV>(in OutputTile t) where TV : unmanaged, IF32Vector<TV>
    {
        float* half = stackalloc float[Outputs * Inputs * Block];
        TV low = TV.Of(t.Tail.Low), high = TV.Of(t.Tail.High);
        for (int lane = 0; lane < Block; lane += TV.Count)
        {
            TV bias = t.Bias is null ? TV.Of(0) : TV.Load(t.Bias + lane);
            for (int column = 0; column < Inputs; column++)
            {
                Backward<TV>(t.M + column * t.PositionStep + lane, Inputs * t.PositionStep, out TV y0, out TV y1, out TV y2, out TV y3);
                float* to = half + column * Block + lane;
                y0.Store(to);
                y1.Store(to + Inputs * Block);
                y2.Store(to + 2 * Inputs * Block);
                y3.Store(to + 3 * Inputs * Block);
            }
            for (int row = 0; row < t.Rows; row++)
            {
                Backward<TV>(half + row * Inputs * Block + lane, Block, out TV y0, out TV y1, out TV y2, out TV y3);
                nint at = row * t.RowStep + lane;
                Store<TV>(t, y0 + bias, at, low, high);
                if (t.Columns > 1) Store<TV>(t, y1 + bias, at + Block, low, high);
                if (t.Columns > 2) Store<TV>(t, y2 + bias, at + 2 * Block, low, high);
                if (t.Columns > 3) Store<TV>(t, y3 + bias, at + 3 * Block, low, high);
            }
        }
    }

    /// <summary>Six sums to four outputs: the rows of Aᵀ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Backward<TV>(float* m, nint step, out TV y0, out TV y1, out TV y2, out TV y3) where TV : unmanaged, IF32Vector<TV>
    {
        TV a = TV.Load(m + step), b = TV.Load(m + 2 * step), c = TV.Load(m + 3 * step), d = TV.Load(m + 4 * step);
        TV evenA = a + b, oddA = a - b, evenB = c + d, oddB = c - d;
        y0 = TV.Load(m) + (evenA + evenB);
        y1 = TV.Fma(TV.Of(A), oddA, TV.Of(B) * oddB);
        y2 = TV.Fma(TV.Of(A2), evenA, TV.Of(B2) * evenB);
        y3 = TV.Fma(TV.Of(A3), oddA, TV.Fma(TV.Of(B3), oddB, TV.Load(m + 5 * step)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TV>(in OutputTile t, TV v, nint at, TV low, TV high) where TV : unmanaged, IF32Vector<TV>
    {
        if (t.Tail.Plus is not null) v += TV.Load(t.Tail.Plus + at);
        TV.Clamp(v, low, high).Store(t.Y + at);
    }

    // Bᵀ and Aᵀ as matrices: the definition that the vector code is checked against.
    private static readonly double[,] s_input =
    {
        { Product, 0, -Sum, 0, 1, 0 }, { 0, -A * B2, -B2, A, 1, 0 }, { 0, A * B2, -B2, -A, 1, 0 }, { 0, -A2 * B, -A2, B, 1, 0 }, { 0, A2 * B, -A2, -B, 1, 0 }, { 0, Product, 0, -Sum, 0, 1 },
    };

    private static readonly double[,] s_output = { { 1, 1, 1, 1, 1, 0 }, { 0, A, -A, B, -B, 0 }, { 0, A2, A2, B2, B2, 0 }, { 0, A3, -A3, B3, -B3, 1 } };

    private static void InputScalar(float* x, nint rowStep, float* v, nint positionStep)
    {
        for (int lane = 0; lane < Block; lane++)
            for (int i = 0; i < Inputs; i++)
                for (int j = 0; j < Inputs; j++)
                {
                    double sum = 0;
                    for (int r = 0; r < Inputs; r++)
                        for (int c = 0; c < Inputs; c++) sum += s_input[i, r] * s_input[j, c] * x[r * rowStep + c * Block + lane];
                    v[(i * Inputs + j) * positionStep + lane] = (float)sum;
                }
    }

    private static void OutputScalar(in OutputTile t)
    {
        for (int lane = 0; lane < Block; lane++)
            for (int i = 0; i < t.Rows; i++)
                for (int j = 0; j < t.Columns; j++)
                {
                    double sum = t.Bias is null ? 0 : t.Bias[lane];
                    for (int r = 0; r < Inputs; r++)
                        for (int c = 0; c < Inputs; c++) sum += s_output[i, r] * s_output[j, c] * t.M[(r * Inputs + c) * t.PositionStep + lane];
                    nint at = i * t.RowStep + j * Block + lane;
                    float v = (float)sum + (t.Tail.Plus is null ? 0 : t.Tail.Plus[at]);
                    t.Y[at] = v < t.Tail.Low ? t.Tail.Low : v > t.Tail.High ? t.Tail.High : v;
                }
    }
}
