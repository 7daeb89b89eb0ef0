namespace Engine.Kernels;

/// <summary>
/// Attention of all frames of a window with each other as the window advances frame by frame: y = softmax(q·kᵀ · scale)·v of the newest N frames. Every row keeps the sum of its weights and of the
/// weighted values; a new frame adds its part and takes away that of the frame that leaves (Hedegaard, Bakhtiarnia, Iosifidis, "Continual Transformers", 2022), so that a step takes as much work as
/// there are frames, not their square.
/// </summary>
/// <param name="batch">Batch entries.</param>
/// <param name="heads">Heads.</param>
/// <param name="frames">New frames a run; results are those after the last.</param>
/// <param name="window">Frames of a window.</param>
/// <param name="width">Elements of a query and key.</param>
/// <param name="valueWidth">Elements of a value.</param>
/// <param name="scale">Factor of the products.</param>
public readonly unsafe partial struct RetroactiveF32(int batch, int heads, int frames, int window, int width, int valueWidth, float scale)
{
    /// <summary>
    /// Most that updates may add to the error of a row, as a part of the largest value in the window. A row whose bound on that error exceeds it is computed anew: after so many roundings, and where a
    /// frame leaves that had most of the weight, so that little would be left of the digits of the difference.
    /// </summary>
    public const double Bound = 8e-6;

    /// <summary>Numbers kept of a row: sum of weights, bound on the error of the sums, score of weight 1.</summary>
    public const int RowNumbers = 3;

    // A weight above this, e⁸, makes the row's scale that of another score.
    private const float LargestWeight = 2981;

    // Half of the distance of 1 from the next f32.
    private const double Rounding = 1.0 / (1 << 24);

    private readonly int _batch = batch, _heads = heads, _frames = frames, _window = window, _width = width, _valueWidth = valueWidth;
    private readonly float _scale = scale;

    /// <summary>Advances the window by the new frames.</summary>
    public delegate void Fn(in RetroactiveF32 a, Workers workers, in RetroactiveOperands o);

    /// <summary>Best first. The reference computes every row anew, in double.</summary>
    public static KernelTable<Fn> Table { get; } = new("retroactive-attention-f32",
        new("avx512", F32x16.IsSupported, Advance<F32x16>),
        new("avx2", F32x8.IsSupported, Advance<F32x8>),
        new("vector", F32x4.IsSupported, Advance<F32x4>),
        new("scalar", true, Anew));

    /// <summary>Floats that a frame keeps: query times scale, key, value, weighted sum of values.</summary>
    public static long FrameLength(long width, long valueWidth) => Tensors.Checked.Mul(2, Tensors.Checked.Add(width, valueWidth));

    /// <summary>Runs the best variant.</summary>
    public void Run(Workers workers, in RetroactiveOperands o) => Table.Best(this, workers, o);

    private int Stride => 2 * (_width + _valueWidth);

    // States come from files too.
    private int Slot(long next) => (int)((ulong)next % (ulong)_window);

    // A frame takes the place of the oldest.
    private float* Put(in RetroactiveOperands o, int b, int n, int frame, float* past, int slot)
    {
        float* to = past + (nint)slot * Stride, q = o.Q.At(b, n, frame), k = o.K.At(b, n, frame), v = o.V.At(b, n, frame);
        for (int i = 0; i < _width; i++) (to[i], to[_width + i]) = (q[i * o.Q.Element] * _scale, k[i * o.K.Element]);
        for (int i = 0; i < _valueWidth; i++) to[2 * _width + i] = v[i * o.V.Element];
        return to;
    }

    private static void Anew(in RetroactiveF32 a, Workers workers, in RetroactiveOperands o) => workers.For(Tensors.Checked.Int((long)a._batch * a._heads), 1, new AnewBody(a, o));

    private readonly struct AnewBody(RetroactiveF32 a, RetroactiveOperands o) : IParallelBody
    {
        public void Run(int start, int end)
        {
            double* weights = (double*)Scratch.Get(8L * (a._window + a._valueWidth)), sums = weights + a._window;
            for (int unit = start; unit < end; unit++)
            {
                int b = unit / a._heads, n = unit % a._heads, slot = a.Slot(o.Next[b]);
                float* past = o.Past + (nint)unit * a._window * a.Stride;
                for (int f = 0; f < a._frames; f++, slot = (slot + 1) % a._window) a.Put(o, b, n, f, past, slot);
                for (int i = 0; i < a._window; i++)
                {
                    int row = (slot + i) % a._window;
                    Row(past, past + (nint)row * a.Stride, o.Rows + ((nint)unit * a._window + row) * RowNumbers, weights, sums, o.Y.At(b, n, i));
                }
            }
        }

        private void Row(float* past, float* row, double* numbers, double* weights, double* sums, float* y)
        {
            double largest = double.NegativeInfinity, total = 0;
            new Span<double>(sums, a._valueWidth).Clear();
            for (int t = 0; t < a._window; t++)
            {
                float* key = past + (nint)t * a.Stride + a._width;
                weights[t] = 0;
                for (int i = 0; i < a._width; i++) weights[t] += (double)row[i] * key[i];
                largest = Math.Max(largest, weights[t]);
            }
            largest = (float)largest;
            for (int t = 0; t < a._window; t++)
            {
                double p = Math.Exp(weights[t] - largest);
                float* value = past + (nint)t * a.Stride + 2 * a._width;
                total += p;
                for (int i = 0; i < a._valueWidth; i++) sums[i] += p * value[i];
            }
            (numbers[0], numbers[1], numbers[2]) = (total, 0, largest);
            for (int i = 0; i < a._valueWidth; i++) (row[2 * a._width + a._valueWidth + i], y[i]) = ((float)sums[i], (float)(sums[i] / total));
        }
    }
}

/// <summary>The operands of <see cref="RetroactiveF32"/>.</summary>
public unsafe struct RetroactiveOperands
{
    /// <summary>New queries, keys, values, one vector a frame.</summary>
    public HeadRows Q, K, V;

    /// <summary>Results for all frames of the window, the oldest first; elements next to each other.</summary>
    public HeadRows Y;

    /// <summary>Frames of the window, [batch, heads, window, <see cref="RetroactiveF32.FrameLength"/>]; read and written. All zeros are the state of a window of zeros.</summary>
    public float* Past;

    /// <summary>Numbers of the rows, [batch, heads, window, <see cref="RetroactiveF32.RowNumbers"/>]; read and written.</summary>
    public double* Rows;

    /// <summary>Place of the oldest frame, [batch], modulo the window; read.</summary>
    public long* Next;
}
