using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>How elements are folded into a state, and a state becomes a result.</summary>
public unsafe interface IReducer<T, TState> where T : unmanaged where TState : unmanaged
{
    /// <summary>The state of no elements.</summary>
    TState Seed { get; }

    /// <summary>The state after <paramref name="n"/> contiguous elements more.</summary>
    TState Row(TState state, T* x, int n);

    /// <summary>Folds x[j] into states[j].</summary>
    void Columns(TState* states, T* x, int n);

    /// <summary>The result of <paramref name="count"/> elements.</summary>
    T Finish(TState state, long count);
}

/// <summary>
/// Folds any set of axes of a row-major tensor. Neighbouring axes of a kind are merged; where the innermost ones are folded the inner
/// loop runs along a row, else side by side over up to <see cref="Chunk"/> results.
/// </summary>
public sealed unsafe class ReduceLoop
{
    private const int Chunk = 128;

    private readonly long[] _keptDims, _keptStrides, _foldDims, _foldStrides;
    private readonly bool _rows;
    private readonly int _inner;
    private readonly int _outputs, _folds;

    /// <summary>Prepares the walk over <paramref name="shape"/>.</summary>
    public ReduceLoop(Shape shape, ReadOnlySpan<bool> reduced)
    {
        var merged = new List<(long Dim, bool Fold)>();
        for (int i = 0; i < shape.Rank; i++)
        {
            if (shape[i] == 1) continue;
            if (merged.Count > 0 && merged[^1].Fold == reduced[i]) merged[^1] = (Checked.Mul(merged[^1].Dim, shape[i]), reduced[i]);
            else merged.Add((shape[i], reduced[i]));
        }
        if (merged.Count == 0) merged.Add((1, false));
        var kept = new List<(long Dim, long Stride)>();
        var fold = new List<(long Dim, long Stride)>();
        long stride = 1, outputs = 1, folds = 1;
        for (int i = merged.Count - 1; i >= 0; i--)
        {
            var (dim, f) = merged[i];
            // The innermost group is the length of the inner loop.
            if (i < merged.Count - 1) (f ? fold : kept).Insert(0, (dim, stride));
            if (f) folds = Checked.Mul(folds, dim);
            else outputs = Checked.Mul(outputs, dim);
            stride = Checked.Mul(stride, Math.Max(1, dim));
        }
        (_rows, _inner) = (merged[^1].Fold, Checked.Int(merged[^1].Dim));
        (_outputs, _folds) = (Checked.Int(outputs), Checked.Int(folds));
        (_keptDims, _keptStrides) = ([.. kept.Select(k => k.Dim)], [.. kept.Select(k => k.Stride)]);
        (_foldDims, _foldStrides) = ([.. fold.Select(k => k.Dim)], [.. fold.Select(k => k.Stride)]);
    }

    /// <summary>Folds <paramref name="x"/> to <paramref name="y"/>.</summary>
    public void Run<T, TState, TReducer>(Workers workers, T* x, T* y, TReducer reducer) where T : unmanaged where TState : unmanaged where TReducer : struct, IReducer<T, TState>
    {
        if (_outputs == 0) return;
        // In columns a unit of work is a chunk of results side by side.
        int units = _rows ? _outputs : _outputs / _inner * Chunks;
        double each = (double)_folds * (_rows ? 1 : Math.Min(Chunk, _inner));
        workers.For(units, (int)Math.Clamp(32768 / Math.Max(1, each), 1, units), new Body<T, TState, TReducer>(this, x, y, reducer));
    }

    private int Chunks => (_inner + Chunk - 1) / Chunk;

    private static long Offset(long index, long[] dims, long[] strides)
    {
        long at = 0;
        for (int d = dims.Length - 1; d >= 0; d--)
        {
            at += index % dims[d] * strides[d];
            index /= dims[d];
        }
        return at;
    }

    private readonly struct Body<T, TState, TReducer>(ReduceLoop loop, T* x, T* y, TReducer reducer) : IParallelBody where T : unmanaged where TState : unmanaged where TReducer : struct, IReducer<T, TState>
    {
        public void Run(int start, int end)
        {
            TState* states = stackalloc TState[Chunk];
            for (int unit = start; unit < end; unit++)
                if (loop._rows) Row(unit);
                else Columns(unit, states);
        }

        private void Row(int output)
        {
            T* from = x + Offset(output, loop._keptDims, loop._keptStrides);
            var state = reducer.Seed;
            int pieces = loop._inner == 0 ? 0 : loop._folds / loop._inner;
            for (int i = 0; i < pieces; i++) state = reducer.Row(state, from + Offset(i, loop._foldDims, loop._foldStrides), loop._inner);
            y[output] = reducer.Finish(state, loop._folds);
        }

        private void Columns(int unit, TState* states)
        {
            int outer = unit / loop.Chunks, first = unit % loop.Chunks * Chunk, n = Math.Min(Chunk, loop._inner - first);
            T* from = x + Offset(outer, loop._keptDims, loop._keptStrides) + first;
            new Span<TState>(states, n).Fill(reducer.Seed);
            for (int i = 0; i < loop._folds; i++) reducer.Columns(states, from + Offset(i, loop._foldDims, loop._foldStrides), n);
            T* to = y + (long)outer * loop._inner + first;
            for (int j = 0; j < n; j++) to[j] = reducer.Finish(states[j], loop._folds);
        }
    }
}
