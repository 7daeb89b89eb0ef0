using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// RNN, GRU and LSTM: the input's part of all gates and steps is one product; then a product with the packed recurrent weights and an
/// elementwise cell a step.
/// </summary>
internal sealed unsafe class RecurrentCpu
{
    private readonly Recurrent _op;
    private readonly RecurrentCell[] _cells;
    private readonly int _sequence, _batch, _input, _hidden, _gates, _earlyGates;
    private readonly PackedOperand _w, _r;
    private readonly int _x, _recurrent, _h, _c, _reset, _bias;

    public static StepFn Bind<TOp>(TOp op, BindContext b) where TOp : Recurrent
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        return new RecurrentCpu(op, b).Run;
    }

    private RecurrentCpu(Recurrent op, BindContext b)
    {
        _op = op;
        var x = b.In(0).Shape;
        (_sequence, _batch) = op.BatchFirst ? (x.Int(1), x.Int(0)) : (x.Int(0), x.Int(1));
        (_input, _hidden) = (x.Int(2), b.In(2).Shape.Int(2));
        _gates = Checked.Int(Checked.Mul(op.Gates, _hidden));
        _cells = Cells(op, _hidden);
        _earlyGates = _gates - _cells[0].LateGates * _hidden;
        _w = new(b, 1, op.Directions, _input, [(0, _gates)]);
        _r = new(b, 2, op.Directions, _hidden, _earlyGates == _gates ? [(0, _gates)] : [(0, _earlyGates), (_earlyGates, _gates - _earlyGates)]);
        int Floats(long rows, long columns) => b.Work(Checked.Mul(Checked.Mul(rows, columns), sizeof(float)));
        _x = Floats(Checked.Mul(_sequence, _batch), _gates);
        _recurrent = Floats(_batch, _gates);
        _h = Floats(_batch, _hidden);
        _c = Floats(_batch, _hidden);
        _reset = Floats(_batch, _hidden);
        _bias = Floats(1, _gates);
    }

    private static RecurrentCell[] Cells(Recurrent op, int hidden)
    {
        var functions = Activations(op);
        int each = functions.Length / op.Directions;
        return [.. Enumerable.Range(0, op.Directions).Select(d =>
        {
            var f = functions.AsSpan(d * each, each);
            return (RecurrentCell)(op switch
            {
                Lstm lstm => new LstmCell(hidden, op.Clip, f[0], f[1], f[2], lstm.InputForget),
                Gru { LinearBeforeReset: true } => new GruCell(hidden, op.Clip, f[0], f[1]),
                Gru => new GruResetFirstCell(hidden, op.Clip, f[0], f[1]),
                _ => new RnnCell(hidden, op.Clip, f[0]),
            });
        })];
    }

    // A parameter is taken from the lists only by functions that have one.
    private static Activation[] Activations(Recurrent op)
    {
        int alpha = 0, beta = 0;
        return [.. op.Activations.Select(name =>
        {
            string n = name.ToUpperInvariant();
            bool both = n is "AFFINE" or "SCALEDTANH" or "HARDSIGMOID";
            float? a = (both || n is "LEAKYRELU" or "THRESHOLDEDRELU" or "ELU") && alpha < op.Alphas.Count ? op.Alphas[alpha++] : null;
            float? b = both && beta < op.Betas.Count ? op.Betas[beta++] : null;
            return Activation.TryParse(name, a, b, out var f) ? f : throw new OperatorException($"activation '{name}' is not known");
        })];
    }

    private void Run(in StepContext c)
    {
        var lengths = c.In<int>(4);
        int longest = lengths.IsEmpty ? _sequence : 0;
        foreach (int n in lengths)
        {
            if (n < 0 || n > _sequence) throw new OperatorException($"sequence length {n} is outside [0, {_sequence}]");
            longest = Math.Max(longest, n);
        }
        if (longest < _sequence || !lengths.IsEmpty) c.Out<float>(0).Clear();
        for (int d = 0; d < _op.Directions; d++) Direction(c, d, lengths, longest);
    }

    private void Direction(in StepContext c, int d, ReadOnlySpan<int> lengths, int longest)
    {
        float* x = (float*)c.WorkPointer(_x), product = (float*)c.WorkPointer(_recurrent), h = (float*)c.WorkPointer(_h), cell = (float*)c.WorkPointer(_c), reset = (float*)c.WorkPointer(_reset);
        _w.Prepare(c, d);
        _r.Prepare(c, d);
        var inputBias = Bias(c, d, out float* extra);
        GemmF32.Run(c.Workers, _sequence * _batch, _gates, _input, (float*)c.InPointer(0), _input, 1, _w.At(c, d, 0), x, _gates, inputBias);
        LoadState(c.In<float>(5), h, d);
        LoadState(c.In<float>(6), cell, d);
        new Span<float>(reset, _batch * _hidden).Clear();
        bool reverse = d == 1 || _op.FirstIsReverse;
        var y = c.Out<float>(0);
        for (int step = 0; step < longest; step++)
        {
            GemmF32.Run(c.Workers, _batch, _earlyGates, _hidden, h, _hidden, 1, _r.At(c, d, 0), product, _gates, default(NoEpilogue));
            for (int b = 0; b < _batch; b++)
                if (Time(step, b, lengths, reverse) is >= 0 and var t) _cells[d].First(Row(t, b), extra);
            if (_earlyGates < _gates)
            {
                GemmF32.Run(c.Workers, _batch, _gates - _earlyGates, _hidden, reset, _hidden, 1, _r.At(c, d, 1), product + _earlyGates, _gates, default(NoEpilogue));
                for (int b = 0; b < _batch; b++)
                    if (Time(step, b, lengths, reverse) is >= 0 and var t) _cells[d].Second(Row(t, b));
            }
            if (y.IsEmpty) continue;
            for (int b = 0; b < _batch; b++)
                if (Time(step, b, lengths, reverse) is >= 0 and var t)
                {
                    int place = _op.BatchFirst ? (b * _sequence + t) * _op.Directions + d : (t * _op.Directions + d) * _batch + b;
                    new Span<float>(h + b * _hidden, _hidden).CopyTo(y.Slice(place * _hidden, _hidden));
                }
        }
        StoreState(h, c.Out<float>(1), d);
        StoreState(cell, c.Out<float>(2), d);

        CellRow Row(int t, int b) => new(x + (nint)(_op.BatchFirst ? b * _sequence + t : t * _batch + b) * _gates, product + (nint)b * _gates, h + (nint)b * _hidden, cell + (nint)b * _hidden, reset + (nint)b * _hidden);
    }

    // Each sequence runs from its own end when reversed; −1 once it is over.
    private int Time(int step, int b, ReadOnlySpan<int> lengths, bool reverse)
    {
        int n = lengths.IsEmpty ? _sequence : lengths[b];
        return step >= n ? -1 : reverse ? n - 1 - step : step;
    }

    /// <summary>Biases that may be added to X·W at once; <paramref name="extra"/> is what the cell adds itself.</summary>
    private LinearEpilogue Bias(in StepContext c, int d, out float* extra)
    {
        extra = _op is Lstm && c.Has(7) ? (float*)c.InPointer(7) + (nint)d * 3 * _hidden : null;
        if (!c.Has(3)) return LinearEpilogue.None;
        float* w = (float*)c.InPointer(3) + (nint)d * 2 * _gates, r = w + _gates, sum = (float*)c.WorkPointer(_bias);
        int both = _gates;
        if (_op is Gru { LinearBeforeReset: true })
        {
            both = 2 * _hidden;
            extra = r + both;
        }
        for (int i = 0; i < _gates; i++) sum[i] = i < both ? w[i] + r[i] : w[i];
        return LinearEpilogue.Bias(sum);
    }

    private int StatePlace(int d, int b) => (_op.BatchFirst ? b * _op.Directions + d : d * _batch + b) * _hidden;

    private void LoadState(ReadOnlySpan<float> from, float* to, int d)
    {
        for (int b = 0; b < _batch; b++)
        {
            var row = new Span<float>(to + b * _hidden, _hidden);
            if (from.IsEmpty) row.Clear();
            else from.Slice(StatePlace(d, b), _hidden).CopyTo(row);
        }
    }

    private void StoreState(float* from, Span<float> to, int d)
    {
        if (to.IsEmpty) return;
        for (int b = 0; b < _batch; b++) new Span<float>(from + b * _hidden, _hidden).CopyTo(to.Slice(StatePlace(d, b), _hidden));
    }

    /// <summary>Weights [directions, columns, k] in panels, in pieces of columns: packed once when constant, else in every run.</summary>
    private sealed class PackedOperand
    {
        private readonly (int Start, int Count)[] _pieces;
        private readonly int _input, _k, _work = -1;
        private readonly long _columns;
        private readonly Tensor? _packed;

        public PackedOperand(BindContext b, int input, int directions, int k, (int Start, int Count)[] pieces)
        {
            (_input, _k, _pieces) = (input, k, pieces);
            _columns = b.In(input).Shape[1];
            Size = pieces.Sum(p => GemmF32.PackedLength(k, p.Count));
            long length = Checked.Mul(directions, Size);
            if (b.Weight(input) is null) _work = b.Work(Checked.Mul(Size, sizeof(float)));
            else _packed = b.Pack(input, $"gemm-f32 rows {string.Join('+', pieces.Select(p => p.Count))}", w =>
            {
                var packed = Tensor.Allocate(DType.F32, new Shape(length));
                var dense = w.Decode();
                for (int d = 0; d < directions; d++) Pack(Workers.Single, (float*)dense.Pointer, (float*)packed.Pointer + d * Size, d);
                GC.KeepAlive(dense);
                return packed;
            });
        }

        /// <summary>Floats of a direction.</summary>
        private long Size { get; }

        /// <summary>Piece <paramref name="piece"/> of a direction.</summary>
        public float* At(in StepContext c, int d, int piece)
        {
            long at = piece == 0 ? 0 : GemmF32.PackedLength(_k, _pieces[0].Count);
            if (_packed is not null) return (float*)_packed.Pointer + d * Size + at;
            return (float*)c.WorkPointer(_work) + at;
        }

        /// <summary>Packs a direction's weights that are not constant.</summary>
        public void Prepare(in StepContext c, int d)
        {
            if (_packed is null) Pack(c.Workers, (float*)c.InPointer(_input), (float*)c.WorkPointer(_work), d);
        }

        private void Pack(Workers workers, float* source, float* target, int d)
        {
            source += d * _columns * _k;
            foreach (var (start, count) in _pieces)
            {
                GemmF32.Pack(workers, _k, count, source + (nint)start * _k, 1, _k, target);
                target += GemmF32.PackedLength(_k, count);
            }
        }
    }
}
