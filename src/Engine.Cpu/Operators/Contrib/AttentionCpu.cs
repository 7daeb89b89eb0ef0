using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>com.microsoft Attention and MultiHeadAttention: keys and values are joined with the past where there is one, then attended.</summary>
internal static unsafe class AttentionCpu
{
    public static StepFn Bind(Attention op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        Shape x = b.In(0).Shape, w = b.In(1).Shape;
        var (width, valueWidth) = op.Widths(w);
        int batch = x.Int(0), rows = x.Int(1), heads = op.Heads, columns = w.Int(1), past = b.Has(4) ? b.In(4).Shape.Int(3) : 0;
        var core = new Core(b, batch, heads, rows, rows, past, width, valueWidth, op.Scale, op.Causal, op.Filter, 3, 5);
        int work = b.Work(Checked.Mul(4, Checked.Mul(x.Product(0, 2), columns))), inputs = w.Int(0);
        long length = GemmF32.PackedLength(inputs, columns);
        var constant = b.Weight(1) is null ? null : b.Pack(1, MatMulCpu.Layout(inputs, columns, columns, 1, 0), (v, to, workers) => Pack(workers, v, inputs, columns, to));
        int panels = constant is null ? b.Work(Checked.Mul(4, length)) : -1;
        return (in StepContext c) =>
        {
            float* qkv = (float*)c.WorkPointer(work), packed = constant is null ? (float*)c.WorkPointer(panels) : (float*)constant.Pointer, pasts = (float*)c.InPointer(4), present = (float*)c.OutPointer(1);
            if (constant is null) GemmF32.Pack(c.Workers, inputs, columns, (float*)c.InPointer(1), columns, 1, packed);
            var epilogue = c.Has(2) ? LinearEpilogue.Bias((float*)c.InPointer(2)) : LinearEpilogue.None;
            GemmF32.Run(c.Workers, batch * rows, columns, inputs, (float*)c.InPointer(0), inputs, 1, packed, qkv, columns, epilogue);
            nint half = (nint)batch * heads * past * width, joined = (nint)batch * heads * (past + rows) * width;
            HeadRows Part(int first, int headWidth) => new(qkv + first, (nint)rows * columns, headWidth, columns);
            core.Run(c, Part(0, width), Part(heads * width, width), Part(2 * heads * width, valueWidth), pasts, pasts == null ? null : pasts + half, present, present == null ? null : present + joined);
        };
    }

    public static StepFn Bind(MultiHeadAttention op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        Shape q = b.In(0).Shape, k = b.In(1).Shape, v = b.In(2).Shape;
        int batch = q.Int(0), rows = q.Int(1), heads = op.Heads, width = q.Int(2) / heads, valueWidth = b.Out(0).Shape.Int(2) / heads;
        int length = k.Int(k.Rank == 4 ? 2 : 1), past = b.Has(6) ? b.In(6).Shape.Int(2) : 0;
        var core = new Core(b, batch, heads, rows, length, past, width, valueWidth, op.Scale, op.Causal, op.Filter, 4, 5);
        bool biased = b.Has(3);
        int wq = biased ? b.Work(b.In(0).Bytes) : -1, wk = biased ? b.Work(b.In(1).Bytes) : -1, wv = biased ? b.Work(b.In(2).Bytes) : -1;
        return (in StepContext c) =>
        {
            float* query = (float*)c.InPointer(0), key = (float*)c.InPointer(1), value = (float*)c.InPointer(2);
            if (biased)
            {
                var bias = c.In<float>(3);
                int all = heads * width;
                query = Biased(c.In<float>(0), bias[..all], all, 1, (float*)c.WorkPointer(wq));
                key = Biased(c.In<float>(1), bias.Slice(all, all), k.Rank == 4 ? width : all, k.Rank == 4 ? length : 1, (float*)c.WorkPointer(wk));
                value = Biased(c.In<float>(2), bias[(2 * all)..], v.Rank == 4 ? valueWidth : heads * valueWidth, v.Rank == 4 ? length : 1, (float*)c.WorkPointer(wv));
            }
            core.Run(c, Heads(query, 3, rows, heads, width), Heads(key, k.Rank, length, heads, width), Heads(value, v.Rank, length, heads, valueWidth),
                (float*)c.InPointer(6), (float*)c.InPointer(7), (float*)c.OutPointer(1), (float*)c.OutPointer(2));
        };
    }

    private static void Pack(Workers workers, Weight weight, int inputs, int columns, Tensor to)
    {
        var dense = weight.Decode();
        GemmF32.Pack(workers, inputs, columns, (float*)dense.Pointer, columns, 1, (float*)to.Pointer);
        GC.KeepAlive(dense);
    }

    private static HeadRows Heads(float* data, int rank, int rows, int heads, int width) =>
        rank == 4 ? new(data, (nint)heads * rows * width, (nint)rows * width, width) : new(data, (nint)rows * heads * width, width, (nint)heads * width);

    // Adds pieces of the bias, each to `repeat` rows of `row` elements in turn.
    private static float* Biased(ReadOnlySpan<float> x, ReadOnlySpan<float> bias, int row, int repeat, float* y)
    {
        int pieces = bias.Length / row;
        for (int i = 0, r = 0; i < x.Length; i += row, r++)
        {
            var piece = bias.Slice(r / repeat % pieces * row, row);
            for (int j = 0; j < row; j++) y[i + j] = x[i + j] + piece[j];
        }
        return y;
    }

    /// <summary>What both operators share once query, key and value are there.</summary>
    private sealed class Core
    {
        private readonly int _batch, _heads, _rows, _length, _past, _width, _valueWidth, _maskInput, _biasInput, _packed, _keyWork = -1, _valueWork = -1, _maskWork = -1;
        private readonly bool _causal;
        private readonly float _filter;
        private readonly AttentionMask _mask;
        private readonly nint _biasBatch, _biasHead;
        private readonly AttentionF32 _kernel;

        public Core(BindContext b, int batch, int heads, int rows, int length, int past, int width, int valueWidth, float scale, bool causal, float filter, int maskInput, int biasInput)
        {
            (_batch, _heads, _rows, _length, _past, _width, _valueWidth, _causal, _filter, _maskInput, _biasInput) = (batch, heads, rows, length, past, width, valueWidth, causal, filter, maskInput, biasInput);
            int keys = Checked.Int((long)past + length);
            _kernel = new(batch, heads, rows, keys, width, valueWidth, scale == 0 ? 1 / MathF.Sqrt(width) : scale) { ZeroWhereHidden = true };
            _packed = b.Work(Checked.Mul(4, AttentionF32.PackedLength(batch, heads, keys, width, valueWidth)));
            _mask = AttentionMasks.Of(b.Has(maskInput) ? b.In(maskInput) : null, batch, rows, keys);
            if (_mask != AttentionMask.None || causal) _maskWork = b.Work(Checked.Mul(4, Checked.Mul(Checked.Mul(batch, rows), keys)));
            if (b.Has(biasInput))
            {
                var s = b.In(biasInput).Shape;
                nint plane = (nint)rows * keys;
                (_biasBatch, _biasHead) = (s[0] == 1 ? 0 : (nint)s[1] * plane, s[1] == 1 ? 0 : plane);
            }
            if (past == 0) return;
            _keyWork = b.Work(Checked.Mul(4, Checked.Mul(Checked.Mul(batch, heads), Checked.Mul(keys, width))));
            _valueWork = b.Work(Checked.Mul(4, Checked.Mul(Checked.Mul(batch, heads), Checked.Mul(keys, valueWidth))));
        }

        public void Run(in StepContext c, HeadRows q, HeadRows k, HeadRows v, float* pastKey, float* pastValue, float* presentKey, float* presentValue)
        {
            int keys = _past + _length;
            if (_past > 0 || presentKey != null || presentValue != null)
            {
                if (presentKey != null || _past > 0) k = Join(k, pastKey, presentKey != null ? presentKey : (float*)c.WorkPointer(_keyWork), _width);
                if (presentValue != null || _past > 0) v = Join(v, pastValue, presentValue != null ? presentValue : (float*)c.WorkPointer(_valueWork), _valueWidth);
            }
            HeadRows mask = default;
            if (_maskWork >= 0)
            {
                FillMask(c.In<int>(_maskInput), c.Work<float>(_maskWork), keys);
                mask = new((float*)c.WorkPointer(_maskWork), (nint)_rows * keys, 0, keys);
            }
            var bias = c.Has(_biasInput) ? new HeadRows((float*)c.InPointer(_biasInput), _biasBatch, _biasHead, keys) : default;
            _kernel.Run(c.Workers, new() { Q = q, K = k, V = v, Bias = bias, Mask = mask, Y = Heads((float*)c.OutPointer(0), 3, _rows, _heads, _valueWidth) }, (float*)c.WorkPointer(_packed));
        }

        private HeadRows Join(HeadRows rows, float* past, float* joined, int width)
        {
            var all = Heads(joined, 4, _past + _length, _heads, width);
            var old = Heads(past, 4, _past, _heads, width);
            for (int n = 0; n < _batch; n++)
                for (int h = 0; h < _heads; h++)
                {
                    if (_past > 0) new ReadOnlySpan<float>(old.At(n, h, 0), _past * width).CopyTo(new(all.At(n, h, 0), _past * width));
                    for (int s = 0; s < _length; s++) new ReadOnlySpan<float>(rows.At(n, h, s), width).CopyTo(new(all.At(n, h, _past + s), width));
                }
            return all;
        }

        private void FillMask(ReadOnlySpan<int> mask, Span<float> to, int keys)
        {
            int at = 0;
            for (int n = 0; n < _batch; n++)
                for (int s = 0; s < _rows; s++)
                    for (int t = 0; t < keys; t++, at++)
                    {
                        bool seen = _mask switch
                        {
                            AttentionMask.Lengths => t < mask[n],
                            AttentionMask.Ranges => t < mask[n] && t >= mask[_batch + n],
                            AttentionMask.Keys => mask[n * keys + t] != 0,
                            AttentionMask.Full => mask[at] != 0,
                            _ => true,
                        };
                        to[at] = _causal && t > keys - _rows + s ? float.NegativeInfinity : seen ? 0 : _filter;
                    }
        }
    }
}
