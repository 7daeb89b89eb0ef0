namespace Engine.Kernels;

/// <summary>Vectors in f32 by batch entry, head and position: element (b, n, s) starts at b · Batch + n · Head + s · Row.</summary>
public readonly unsafe struct HeadRows(float* data, nint batch, nint head, nint row)
{
    /// <summary>True when the operand is left out.</summary>
    public bool IsNull => data == null;

    /// <summary>The vector of a position.</summary>
    public float* At(int b, int n, int s) => data + b * batch + n * head + s * row;
}

/// <summary>
/// Scaled dot-product attention, unfused: y = softmax(q·kᵀ · scale + bias + mask)·v, row by row, sums in double. Serves every layout of
/// heads.
/// </summary>
/// <param name="batch">Batch entries.</param>
/// <param name="heads">Heads.</param>
/// <param name="rows">Query positions.</param>
/// <param name="keys">Key positions.</param>
/// <param name="width">Elements of a query and key.</param>
/// <param name="valueWidth">Elements of a value.</param>
/// <param name="scale">Factor of the products.</param>
public readonly unsafe struct AttentionF32(int batch, int heads, int rows, int keys, int width, int valueWidth, float scale)
{
    private readonly int _batch = batch, _heads = heads, _rows = rows, _keys = keys, _width = width, _valueWidth = valueWidth;
    private readonly float _scale = scale;

    /// <summary>Runs; <paramref name="bias"/> and <paramref name="mask"/> hold rows of one addend a key (the mask alike for all heads), and may be null.</summary>
    public void Run(Workers workers, HeadRows q, HeadRows k, HeadRows v, HeadRows bias, HeadRows mask, HeadRows y)
    {
        double work = (double)_keys * (_width + _valueWidth);
        workers.For(Tensors.Checked.Int((long)_batch * _heads * _rows), (int)Math.Clamp(32768 / Math.Max(1, work), 1, 4096), new Body(this, q, k, v, bias, mask, y));
    }

    private readonly struct Body(AttentionF32 a, HeadRows q, HeadRows k, HeadRows v, HeadRows bias, HeadRows mask, HeadRows y) : IParallelBody
    {
        public void Run(int start, int end)
        {
            double* scores = (double*)Scratch.Get(8L * (a._keys + a._valueWidth)), sums = scores + a._keys;
            for (int unit = start; unit < end; unit++)
            {
                int s = unit % a._rows, n = unit / a._rows % a._heads, b = unit / a._rows / a._heads;
                double largest = Scores(b, n, s, scores);
                new Span<double>(sums, a._valueWidth).Clear();
                double total = 0;
                for (int t = 0; t < a._keys; t++)
                {
                    // A row that may look nowhere gives zeros.
                    double p = double.IsNegativeInfinity(largest) ? 0 : Math.Exp(scores[t] - largest);
                    if (p == 0) continue;
                    total += p;
                    float* value = v.At(b, n, t);
                    for (int i = 0; i < a._valueWidth; i++) sums[i] += p * value[i];
                }
                float* to = y.At(b, n, s);
                for (int i = 0; i < a._valueWidth; i++) to[i] = total == 0 ? 0 : (float)(sums[i] / total);
            }
        }

        private double Scores(int b, int n, int s, double* scores)
        {
            float* query = q.At(b, n, s), add = bias.IsNull ? null : bias.At(b, n, s), hide = mask.IsNull ? null : mask.At(b, 0, s);
            double largest = double.NegativeInfinity;
            for (int t = 0; t < a._keys; t++)
            {
                float* key = k.At(b, n, t);
                double dot = 0;
                for (int i = 0; i < a._width; i++) dot += (double)query[i] * key[i];
                dot *= a._scale;
                scores[t] = dot + (add == null ? 0 : add[t]) + (hide == null ? 0 : hide[t]);
                largest = Math.Max(largest, scores[t]);
            }
            return largest;
        }
    }
}
