namespace Engine.Kernels;

/// <summary>
/// Scaled dot-product attention: y = softmax(q·kᵀ · scale, flags, + bias + mask)·v over heads that lie anywhere (<see cref="HeadRows"/>).
/// Scores exist for a block of rows and keys at a time, never as a whole.
/// </summary>
/// <param name="batch">Batch entries.</param>
/// <param name="heads">Heads.</param>
/// <param name="rows">Query positions.</param>
/// <param name="keys">Key positions.</param>
/// <param name="width">Elements of a query and key.</param>
/// <param name="valueWidth">Elements of a value.</param>
/// <param name="scale">Factor of the products.</param>
public readonly unsafe partial struct AttentionF32(int batch, int heads, int rows, int keys, int width, int valueWidth, float scale)
{
    private readonly int _batch = batch, _heads = heads, _rows = rows, _keys = keys, _width = width, _valueWidth = valueWidth;
    private readonly float _scale = scale;

    /// <summary>What a row gives whose keys are all hidden (every score −∞): zeros where true, else NaN as softmax defines it.</summary>
    public bool ZeroWhereHidden { get; init; }

    /// <summary>Computes attention; <paramref name="packed"/> is a workspace of <see cref="PackedLength"/> floats.</summary>
    public delegate void Fn(in AttentionF32 a, Workers workers, in AttentionOperands o, float* packed);

    /// <summary>Best first; tiles of the product of matrices have tiers of their own. The reference takes a row at a time, sums in double.</summary>
    public static KernelTable<Fn> Table { get; } = new("attention-f32",
        new("avx512", F32x16.IsSupported, Blocks<F32x16>),
        new("avx2", F32x8.IsSupported, Blocks<F32x8>),
        new("vector", F32x4.IsSupported, Blocks<F32x4>),
        new("scalar", true, Rows));

    /// <summary>Floats of the workspace.</summary>
    public static long PackedLength(long batch, long heads, long keys, long width, long valueWidth) =>
        Tensors.Checked.Mul(Tensors.Checked.Mul(batch, heads), Tensors.Checked.Add(GemmF32.PackedLength(width, keys), GemmF32.PackedLength(keys, valueWidth)));

    /// <summary>Runs the best variant.</summary>
    public void Run(Workers workers, in AttentionOperands o, float* packed) => Table.Best(this, workers, o, packed);

    private static void Rows(in AttentionF32 a, Workers workers, in AttentionOperands o, float* packed)
    {
        double work = (double)a._keys * (a._width + a._valueWidth);
        workers.For(Tensors.Checked.Int((long)a._batch * a._heads * a._rows), (int)Math.Clamp(32768 / Math.Max(1, work), 1, 4096), new RowBody(a, o));
    }

    private readonly struct RowBody(AttentionF32 a, AttentionOperands o) : IParallelBody
    {
        public void Run(int start, int end)
        {
            float* scores = (float*)Scratch.Get(4L * a._keys + 8L * a._valueWidth + 8);
            double* sums = (double*)(scores + (a._keys + 1) / 2 * 2);
            for (int unit = start; unit < end; unit++)
            {
                int s = unit % a._rows, n = unit / a._rows % a._heads, b = unit / a._rows / a._heads;
                float largest = Scores(b, n, s, scores);
                new Span<double>(sums, a._valueWidth).Clear();
                double total = 0;
                bool zeros = a._keys == 0 || a.ZeroWhereHidden && float.IsNegativeInfinity(largest);
                for (int t = 0; t < a._keys && !zeros; t++)
                {
                    double p = Math.Exp((double)scores[t] - largest);
                    if (p == 0) continue;
                    total += p;
                    float* value = o.V.At(b, n, t);
                    for (int i = 0; i < a._valueWidth; i++) sums[i] += p * value[i * o.V.Element];
                }
                float* to = o.Y.At(b, n, s);
                for (int i = 0; i < a._valueWidth; i++) to[i] = zeros ? 0 : (float)(sums[i] / total);
            }
        }

        private float Scores(int b, int n, int s, float* scores)
        {
            float* query = o.Q.At(b, n, s);
            for (int t = 0; t < a._keys; t++)
            {
                float* key = o.K.At(b, n, t);
                double dot = 0;
                for (int i = 0; i < a._width; i++) dot += (double)query[i * o.Q.Element] * key[i * o.K.Element];
                scores[t] = (float)(dot * a._scale);
            }
            if (!o.Flags.IsNull) o.Flags.Apply(b, n, s, 0, new(scores, a._keys));
            float largest = float.NegativeInfinity;
            for (int t = 0; t < a._keys; t++)
            {
                if (!o.Bias.IsNull) scores[t] += o.Bias.At(b, n, s)[t * o.Bias.Element];
                if (!o.Mask.IsNull) scores[t] += o.Mask.At(b, n, s)[t * o.Mask.Element];
                largest = Math.Max(largest, scores[t]);
            }
            return largest;
        }
    }
}
