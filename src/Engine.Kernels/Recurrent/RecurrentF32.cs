using System.Runtime.CompilerServices;

namespace Engine.Kernels;

/// <summary>
/// Recurrent cells in f32, the product with the recurrent weights and the gates in one pass: a panel holds the weights of all gates of
/// <see cref="PanelUnits"/> neurons, so that their gates meet in registers. Panels are independent of each other.
/// </summary>
public static unsafe partial class RecurrentF32
{
    /// <summary>Neurons of a panel.</summary>
    public const int PanelUnits = 16;

    /// <summary>Does panels [<paramref name="start"/>, <paramref name="end"/>) of a step.</summary>
    public delegate void Fn(in RecurrentStep s, int start, int end);

    /// <summary>LSTM with sigmoid and tanh; gates in the order input, output, forget, cell.</summary>
    public static KernelTable<Fn> Lstm { get; } = Table<LstmCell>("lstm-f32");

    /// <summary>GRU with sigmoid and tanh that resets the product of the hidden state; gates in the order update, reset, hidden.</summary>
    public static KernelTable<Fn> Gru { get; } = Table<GruCell>("gru-f32");

    private static KernelTable<Fn> Table<TCell>(string stem) where TCell : struct, ICell => new(stem,
        new("avx512", F32x16.IsSupported, Panels<F32x16, TCell>),
        new("avx2", F32x8.IsSupported, Panels<F32x8, TCell>),
        new("vector", F32x4.IsSupported, Panels<F32x4, TCell>),
        new("scalar", true, Scalar<TCell>));

    /// <summary>Panels of a layer.</summary>
    public static int PanelCount(int hidden) => (hidden + PanelUnits - 1) / PanelUnits;

    /// <summary>Floats that packed weights of <paramref name="gates"/> gates and sums over <paramref name="k"/> take.</summary>
    public static long PackedLength(int gates, int hidden, int k) => Tensors.Checked.Mul(Tensors.Checked.Mul(PanelCount(hidden), PanelUnits), Tensors.Checked.Mul(gates, k));

    /// <summary>Packs weights [gates · hidden, k]: by panel, k, gate and neuron; neurons beyond the last are zero.</summary>
    public static void Pack(int gates, int hidden, int k, float* weights, float* packed)
    {
        for (int panel = 0; panel < PanelCount(hidden); panel++)
            for (int i = 0; i < k; i++)
                for (int g = 0; g < gates; g++)
                    for (int j = 0; j < PanelUnits; j++, packed++)
                    {
                        int unit = panel * PanelUnits + j;
                        *packed = unit < hidden ? weights[(nint)(g * hidden + unit) * k + i] : 0;
                    }
    }

    /// <summary>A step over the pool, where it is long enough.</summary>
    public static void Run(Workers workers, Fn fn, int gates, in RecurrentStep s)
    {
        double panel = (double)s.Rows * gates * PanelUnits * (s.Hidden + s.InputLength);
        workers.For(PanelCount(s.Hidden), (int)Math.Clamp(400_000 / Math.Max(1, panel), 1, 1 << 20), new Body(fn, s));
    }

    private readonly struct Body(Fn fn, RecurrentStep s) : IParallelBody
    {
        public void Run(int start, int end) => fn(s, start, end);
    }

    private interface ICell
    {
        static abstract int Gates { get; }

        /// <summary>What the sums of a row start from.</summary>
        static abstract Gates<TV> Start<TV>(in RecurrentStep s, int row, int unit, int n) where TV : unmanaged, IF32Vector<TV>;

        /// <summary>The gates of <paramref name="n"/> neurons from their sums.</summary>
        static abstract void Finish<TV>(Gates<TV> p, in RecurrentStep s, int row, int unit, int n) where TV : unmanaged, IF32Vector<TV>;

        /// <summary>The same for one neuron, in double.</summary>
        static abstract void Finish(ReadOnlySpan<double> p, in RecurrentStep s, int row, int unit);
    }

    /// <summary>A vector of each gate. Sums are kept in locals of their own: the JIT puts fields of fields in memory.</summary>
    private struct Gates<TV> where TV : unmanaged, IF32Vector<TV>
    {
        public TV A, B, C, D;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Panels<TV, TCell>(in RecurrentStep s, int start, int end) where TV : unmanaged, IF32Vector<TV> where TCell : struct, ICell
    {
        float* sums = stackalloc float[4 * 4 * PanelUnits];
        for (int panel = start; panel < end; panel++)
            for (int lane = 0; lane < PanelUnits && panel * PanelUnits + lane < s.Hidden; lane += TV.Count)
            {
                int unit = panel * PanelUnits + lane, row = 0, n = Math.Min(TV.Count, s.Hidden - unit);
                nint first = (nint)panel * PanelUnits * TCell.Gates;
                float* w = s.Weights + first * s.Hidden + lane, input = s.InputWeights + first * s.InputLength + lane;
                // Sixteen sums of four gates take half of 32 registers.
                for (; TV.Count == 16 && s.Input == null && row + 4 <= s.Rows; row += 4)
                {
                    Four<TV, TCell>(s, w, row, sums);
                    for (int i = 0; i < 4; i++) End<TV, TCell>(sums + i * 4 * TV.Count, s, row + i, unit, n);
                }
                for (; row < s.Rows; row++) One<TV, TCell>(s, w, input, row, unit, n);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One<TV, TCell>(in RecurrentStep s, float* w, float* input, int row, int unit, int n) where TV : unmanaged, IF32Vector<TV> where TCell : struct, ICell
    {
        var p = TCell.Start<TV>(s, row, unit, n);
        if (s.Input != null) p = Sum<TV, TCell>(p, s.Input + row * s.InputRow, input, s.InputLength);
        TCell.Finish<TV>(Sum<TV, TCell>(p, s.H + row * s.HRow, w, s.Hidden), s, row, unit, n);
    }

    // Two sums a gate, because one alone would wait for itself.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Gates<TV> Sum<TV, TCell>(Gates<TV> start, float* h, float* w, int length) where TV : unmanaged, IF32Vector<TV> where TCell : struct, ICell
    {
        TV a = start.A, b = start.B, c = start.C, d = start.D, e = TV.Of(0), f = e, g = e, i = e;
        int k = 0;
        for (; k + 2 <= length; k += 2, w += 2 * PanelUnits * TCell.Gates)
        {
            TV v = TV.Of(h[k]), u = TV.Of(h[k + 1]);
            float* next = w + PanelUnits * TCell.Gates;
            a.AddProduct(v, TV.Load(w));
            b.AddProduct(v, TV.Load(w + PanelUnits));
            c.AddProduct(v, TV.Load(w + 2 * PanelUnits));
            if (TCell.Gates > 3) d.AddProduct(v, TV.Load(w + 3 * PanelUnits));
            e.AddProduct(u, TV.Load(next));
            f.AddProduct(u, TV.Load(next + PanelUnits));
            g.AddProduct(u, TV.Load(next + 2 * PanelUnits));
            if (TCell.Gates > 3) i.AddProduct(u, TV.Load(next + 3 * PanelUnits));
        }
        if (k < length)
        {
            var v = TV.Of(h[k]);
            a.AddProduct(v, TV.Load(w));
            b.AddProduct(v, TV.Load(w + PanelUnits));
            c.AddProduct(v, TV.Load(w + 2 * PanelUnits));
            if (TCell.Gates > 3) d.AddProduct(v, TV.Load(w + 3 * PanelUnits));
        }
        return new() { A = a + e, B = b + f, C = c + g, D = d + i };
    }

    // Four rows read the weights once. A call in here would put the sums in memory.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four<TV, TCell>(in RecurrentStep s, float* w, int row, float* sums) where TV : unmanaged, IF32Vector<TV> where TCell : struct, ICell
    {
        float* h0 = s.H + row * s.HRow, h1 = h0 + s.HRow, h2 = h1 + s.HRow, h3 = h2 + s.HRow;
        TV zero = TV.Of(0), a0 = zero, b0 = zero, c0 = zero, d0 = zero, a1 = zero, b1 = zero, c1 = zero, d1 = zero, a2 = zero, b2 = zero, c2 = zero, d2 = zero, a3 = zero, b3 = zero, c3 = zero, d3 = zero;
        for (int k = 0, length = s.Hidden; k < length; k++, w += PanelUnits * TCell.Gates)
        {
            TV v0 = TV.Of(h0[k]), v1 = TV.Of(h1[k]), v2 = TV.Of(h2[k]), v3 = TV.Of(h3[k]), x = TV.Load(w);
            a0.AddProduct(v0, x);
            a1.AddProduct(v1, x);
            a2.AddProduct(v2, x);
            a3.AddProduct(v3, x);
            x = TV.Load(w + PanelUnits);
            b0.AddProduct(v0, x);
            b1.AddProduct(v1, x);
            b2.AddProduct(v2, x);
            b3.AddProduct(v3, x);
            x = TV.Load(w + 2 * PanelUnits);
            c0.AddProduct(v0, x);
            c1.AddProduct(v1, x);
            c2.AddProduct(v2, x);
            c3.AddProduct(v3, x);
            if (TCell.Gates == 3) continue;
            x = TV.Load(w + 3 * PanelUnits);
            d0.AddProduct(v0, x);
            d1.AddProduct(v1, x);
            d2.AddProduct(v2, x);
            d3.AddProduct(v3, x);
        }
        Store(a0, b0, c0, d0, sums);
        Store(a1, b1, c1, d1, sums + 4 * TV.Count);
        Store(a2, b2, c2, d2, sums + 8 * TV.Count);
        Store(a3, b3, c3, d3, sums + 12 * TV.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TV>(TV a, TV b, TV c, TV d, float* to) where TV : unmanaged, IF32Vector<TV>
    {
        a.Store(to);
        b.Store(to + TV.Count);
        c.Store(to + 2 * TV.Count);
        d.Store(to + 3 * TV.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void End<TV, TCell>(float* sums, in RecurrentStep s, int row, int unit, int n) where TV : unmanaged, IF32Vector<TV> where TCell : struct, ICell
    {
        var x = TCell.Start<TV>(s, row, unit, n);
        TCell.Finish<TV>(new() { A = x.A + TV.Load(sums), B = x.B + TV.Load(sums + TV.Count), C = x.C + TV.Load(sums + 2 * TV.Count), D = x.D + TV.Load(sums + 3 * TV.Count) }, s, row, unit, n);
    }
}
