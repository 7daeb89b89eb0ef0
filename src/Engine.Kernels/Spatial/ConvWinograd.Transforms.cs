using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
        new("avx512", Avx512F.IsSupported, Input<Vector512<float>, Wide512>),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, Input<Vector256<float>, Wide256>),
        new("vector", Vector128.IsHardwareAccelerated, Input<Vector128<float>, Wide128>),
        new("scalar", true, InputScalar));

    /// <summary>As <see cref="InputTable"/>.</summary>
    public static KernelTable<OutputFn> OutputTable { get; } = new("winograd-output",
        new("avx512", Avx512F.IsSupported, static (in OutputTile t) => Output<Vector512<float>, Wide512>(t)),
        new("avx2", Avx2.IsSupported && Fma.IsSupported, static (in OutputTile t) => Output<Vector256<float>, Wide256>(t)),
        new("vector", Vector128.IsHardwareAccelerated, static (in OutputTile t) => Output<Vector128<float>, Wide128>(t)),
        new("scalar", true, OutputScalar));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Input<V, L>(float* x, nint rowStep, float* v, nint positionStep) where V : struct where L : struct, IWide<V>
    {
        float* half = stackalloc float[Positions * Block];
        for (int lane = 0; lane < Block; lane += L.Count)
        {
            for (int column = 0; column < Inputs; column++) Forward<V, L>(x + column * Block + lane, rowStep, half + column * Block + lane, Inputs * Block);
            for (int row = 0; row < Inputs; row++) Forward<V, L>(half + row * Inputs * Block + lane, Block, v + row * Inputs * positionStep + lane, positionStep);
        }
    }

    /// <summary>Six inputs to six values: the rows of Bᵀ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Forward<V, L>(float* x, nint step, float* y, nint to) where V : struct where L : struct, IWide<V>
    {
        V d0 = L.Load(x), d1 = L.Load(x + step), d2 = L.Load(x + 2 * step), d3 = L.Load(x + 3 * step), d4 = L.Load(x + 4 * step), d5 = L.Load(x + 5 * step);
        V evenA = L.MultiplyAdd(L.Broadcast(-B2), d2, d4), oddA = L.Multiply(L.Broadcast(A), L.MultiplyAdd(L.Broadcast(-B2), d1, d3));
        V evenB = L.MultiplyAdd(L.Broadcast(-A2), d2, d4), oddB = L.Multiply(L.Broadcast(B), L.MultiplyAdd(L.Broadcast(-A2), d1, d3));
        L.Store(L.MultiplyAdd(L.Broadcast(Product), d0, L.MultiplyAdd(L.Broadcast(-Sum), d2, d4)), y);
        L.Store(L.Add(evenA, oddA), y + to);
        L.Store(L.Subtract(evenA, oddA), y + 2 * to);
        L.Store(L.Add(evenB, oddB), y + 3 * to);
        L.Store(L.Subtract(evenB, oddB), y + 4 * to);
        L.Store(L.MultiplyAdd(L.Broadcast(Product), d1, L.MultiplyAdd(L.Broadcast(-Sum), d3, d5)), y + 5 * to);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Output<V, L>(in OutputTile t) where V : struct where L : struct, IWide<V>
    {
        float* half = stackalloc float[Outputs * Inputs * Block];
        V low = L.Broadcast(t.Tail.Low), high = L.Broadcast(t.Tail.High);
        for (int lane = 0; lane < Block; lane += L.Count)
        {
            V bias = t.Bias is null ? L.Broadcast(0) : L.Load(t.Bias + lane);
            for (int column = 0; column < Inputs; column++)
            {
                Backward<V, L>(t.M + column * t.PositionStep + lane, Inputs * t.PositionStep, out V y0, out V y1, out V y2, out V y3);
                float* to = half + column * Block + lane;
                L.Store(y0, to);
                L.Store(y1, to + Inputs * Block);
                L.Store(y2, to + 2 * Inputs * Block);
                L.Store(y3, to + 3 * Inputs * Block);
            }
            for (int row = 0; row < t.Rows; row++)
            {
                Backward<V, L>(half + row * Inputs * Block + lane, Block, out V y0, out V y1, out V y2, out V y3);
                nint at = row * t.RowStep + lane;
                Store<V, L>(t, L.Add(y0, bias), at, low, high);
                if (t.Columns > 1) Store<V, L>(t, L.Add(y1, bias), at + Block, low, high);
                if (t.Columns > 2) Store<V, L>(t, L.Add(y2, bias), at + 2 * Block, low, high);
                if (t.Columns > 3) Store<V, L>(t, L.Add(y3, bias), at + 3 * Block, low, high);
            }
        }
    }

    /// <summary>Six sums to four outputs: the rows of Aᵀ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Backward<V, L>(float* m, nint step, out V y0, out V y1, out V y2, out V y3) where V : struct where L : struct, IWide<V>
    {
        V a = L.Load(m + step), b = L.Load(m + 2 * step), c = L.Load(m + 3 * step), d = L.Load(m + 4 * step);
        V evenA = L.Add(a, b), oddA = L.Subtract(a, b), evenB = L.Add(c, d), oddB = L.Subtract(c, d);
        y0 = L.Add(L.Load(m), L.Add(evenA, evenB));
        y1 = L.MultiplyAdd(L.Broadcast(A), oddA, L.Multiply(L.Broadcast(B), oddB));
        y2 = L.MultiplyAdd(L.Broadcast(A2), evenA, L.Multiply(L.Broadcast(B2), evenB));
        y3 = L.MultiplyAdd(L.Broadcast(A3), oddA, L.MultiplyAdd(L.Broadcast(B3), oddB, L.Load(m + 5 * step)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<V, L>(in OutputTile t, V v, nint at, V low, V high) where V : struct where L : struct, IWide<V>
    {
        if (t.Tail.Plus is not null) v = L.Add(v, L.Load(t.Tail.Plus + at));
        L.Store(L.Bound(v, low, high), t.Y + at);
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
