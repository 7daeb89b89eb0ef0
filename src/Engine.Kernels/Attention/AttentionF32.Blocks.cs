using System.Runtime.CompilerServices;

namespace Engine.Kernels;

public readonly unsafe partial struct AttentionF32
{
    // Rows of a block: as many as a product of matrices takes at once. Scores of 64 × 528 stay in a second-level cache, and 512 keys need no second block.
    private const int RowBlock = 64, KeyBlock = 11 * GemmF32.PanelColumns;

    // Below as many rows, packing keys and values costs more than it gives.
    private const int FewRows = 4;

    private static void Blocks<TV>(in AttentionF32 a, Workers workers, in AttentionOperands o, float* packed) where TV : unmanaged, IF32Vector<TV>
    {
        if (a._batch == 0 || a._heads == 0 || a._rows == 0 || a._valueWidth == 0) return;
        int pairs = Tensors.Checked.Int((long)a._batch * a._heads);
        double work = (double)a._keys * (a._width + a._valueWidth);
        if (a._rows < FewRows && o.K.Element == 1 && o.V.Element == 1 && o.Q.Element == 1)
        {
            workers.For(Tensors.Checked.Int((long)pairs * a._rows), (int)Math.Clamp(131072 / Math.Max(1, work), 1, 4096), new FewBody<TV>(a, o));
            return;
        }
        bool shared = o.K.SharesHeads && o.V.SharesHeads;
        workers.For(shared ? a._batch : pairs, (int)Math.Clamp(65536 / Math.Max(1, work), 1, 4096), new PackBody(a, o, packed, shared ? 1 : a._heads));
        int blocks = (a._rows + RowBlock - 1) / RowBlock;
        workers.For(Tensors.Checked.Int((long)pairs * blocks), (int)Math.Clamp(1e6 / Math.Max(1, work * Math.Min(RowBlock, a._rows)), 1, 4096), new BlockBody<TV>(a, o, packed, shared, blocks));
    }

    private long Packed => GemmF32.PackedLength(_width, _keys) + GemmF32.PackedLength(_keys, _valueWidth);

    // Keys as one packed matrix [width, keys], values as one [keys of a block, valueWidth] a block of keys.
    private readonly struct PackBody(AttentionF32 a, AttentionOperands o, float* packed, int heads) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int pair = start; pair < end; pair++)
            {
                int b = pair / heads, n = pair % heads;
                float* to = packed + pair * a.Packed, values = to + GemmF32.PackedLength(a._width, a._keys);
                if (o.K.Element == 1) Panels(o.K.At(b, n, 0), o.K.Row, a._width, a._keys, to);
                else GemmF32.Pack(Workers.Single, a._width, a._keys, o.K.At(b, n, 0), o.K.Element, o.K.Row, to);
                for (int t = 0; t < a._keys; t += KeyBlock)
                    GemmF32.Pack(Workers.Single, Math.Min(KeyBlock, a._keys - t), a._valueWidth, o.V.At(b, n, t), o.V.Row, o.V.Element, values + GemmF32.PackedLength(t, a._valueWidth));
            }
        }

        // The packed form of a transposed matrix whose rows of k floats are `pitch` apart.
        private static void Panels(float* from, nint pitch, int k, int n, float* to)
        {
            for (int column = 0; column < n; column += GemmF32.PanelColumns)
            {
                int width = GemmF32.PanelWidth(n, column), used = Math.Min(width, n - column);
                float* panel = to + (nint)column * k;
                for (int i = 0; i < k; i += TileTranspose.Block)
                    TileTranspose.Tile(from + column * pitch + i, pitch, panel + (nint)i * width, width, Math.Min(TileTranspose.Block, k - i), used);
                for (int i = 0; i < k && used < width; i++) new Span<float>(panel + (nint)i * width + used, width - used).Clear();
            }
        }
    }

    private readonly struct BlockBody<TV>(AttentionF32 a, AttentionOperands o, float* packed, bool shared, int blocks) : IParallelBody where TV : unmanaged, IF32Vector<TV>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            int keys = Math.Min(KeyBlock, a._keys);
            float* scores = (float*)Scratch.Outer(4L * RowBlock * (keys + 2L * a._valueWidth + 3));
            float* product = scores + (nint)RowBlock * keys, sums = product + (nint)RowBlock * a._valueWidth;
            var state = new SoftmaxRows<TV>(sums + (nint)RowBlock * a._valueWidth, RowBlock);
            for (int unit = start; unit < end; unit++)
            {
                int s = unit % blocks * RowBlock, n = unit / blocks % a._heads, b = unit / blocks / a._heads;
                float* mine = packed + (shared ? b : unit / blocks) * a.Packed;
                Block(b, n, s, Math.Min(RowBlock, a._rows - s), mine, mine + GemmF32.PackedLength(a._width, a._keys), scores, product, sums, state);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Block(int b, int n, int s, int rows, float* k, float* v, float* scores, float* product, float* sums, SoftmaxRows<TV> state)
        {
            float* y = o.Y.At(b, n, s);
            if (a._keys == 0)
            {
                for (int i = 0; i < rows; i++) new Span<float>(y + i * o.Y.Row, a._valueWidth).Clear();
                return;
            }
            state.Reset(rows);
            for (int t = 0; t < a._keys; t += KeyBlock)
            {
                int keys = Math.Min(KeyBlock, a._keys - t);
                GemmF32.Run(Workers.Single, rows, keys, a._width, o.Q.At(b, n, s), o.Q.Row, o.Q.Element, k + (nint)t * a._width, scores, keys, default(NoEpilogue));
                for (int i = 0; i < rows; i++) state.Add(i, a.Score<TV>(o, b, n, s + i, t, scores + (nint)i * keys, keys), scores + (nint)i * keys, keys);
                bool last = t + keys == a._keys;
                if (last) state.Finish(rows, a.ZeroWhereHidden);
                float* values = v + GemmF32.PackedLength(t, a._valueWidth);
                if (t == 0 && last) GemmF32.Run(Workers.Single, rows, a._valueWidth, keys, scores, keys, 1, values, y, o.Y.Row, new ScaleRows<TV>(state.Inverse));
                else GemmF32.Run(Workers.Single, rows, a._valueWidth, keys, scores, keys, 1, values, product, a._valueWidth, new AddRows<TV>(state.Correction, sums, a._valueWidth, t == 0));
            }
            if (a._keys <= KeyBlock) return;
            for (int i = 0; i < rows; i++) ScoreRow<TV>.Scale(sums + (nint)i * a._valueWidth, state.Inverse[i], y + i * o.Y.Row, a._valueWidth);
        }
    }

    // For a few rows: keys and values are read where they lie, once a row.
    private readonly struct FewBody<TV>(AttentionF32 a, AttentionOperands o) : IParallelBody where TV : unmanaged, IF32Vector<TV>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            float* scores = (float*)Scratch.Get(4L * (a._keys + 3)), sums = scores + a._keys;
            for (int unit = start; unit < end; unit++)
            {
                int s = unit % a._rows, n = unit / a._rows % a._heads, b = unit / a._rows / a._heads;
                float* y = o.Y.At(b, n, s), query = o.Q.At(b, n, s);
                for (int t = 0; t < a._keys; t++) scores[t] = ScoreRow<TV>.Dot(query, o.K.At(b, n, t), a._width);
                var state = new SoftmaxRows<TV>(sums, 1);
                state.Reset(1);
                state.Add(0, a.Score<TV>(o, b, n, s, 0, scores, a._keys), scores, a._keys);
                state.Finish(1, a.ZeroWhereHidden || a._keys == 0);
                new Span<float>(y, a._valueWidth).Clear();
                for (int t = 0; t < a._keys; t++) ScoreRow<TV>.Blend(y, 1, o.V.At(b, n, t), scores[t] * state.Inverse[0], a._valueWidth);
            }
        }
    }

    // Scales, hides and biases the products of a row with n keys from `first` on; the largest score.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Score<TV>(in AttentionOperands o, int b, int n, int s, int first, float* scores, int keys) where TV : unmanaged, IF32Vector<TV>
    {
        float scale = _scale;
        if (!o.Flags.IsNull)
        {
            if (scale != 1) ScoreRow<TV>.ScaleMax(scores, keys, scale);
            o.Flags.Apply(b, n, s, first, new(scores, keys));
            scale = 1;
        }
        if (!o.Bias.IsNull)
        {
            ScoreRow<TV>.Plus(scores, keys, scale, o.Bias.At(b, n, s) + first * o.Bias.Element, o.Bias.Element);
            scale = 1;
        }
        if (!o.Mask.IsNull)
        {
            ScoreRow<TV>.Plus(scores, keys, scale, o.Mask.At(b, n, s) + first * o.Mask.Element, o.Mask.Element);
            scale = 1;
        }
        return ScoreRow<TV>.ScaleMax(scores, keys, scale);
    }
}
