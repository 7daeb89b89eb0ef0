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
    private readonly RecurrentProduct _w, _r;
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
        (_input, _hidden) = (x.Int(2), Checked.Int(op.Hidden(b.In(2).Shape)));
        _gates = Checked.Int(Checked.Mul(op.Gates, _hidden));
        _cells = Cells(op, _hidden);
        _earlyGates = _gates - _cells[0].LateGates * _hidden;
        if (op is DynamicQuantizeLstm)
        {
            _w = new QuantizedRecurrentProduct(b, 1, DynamicQuantizeLstm.WeightScale, op.Directions, _input, _gates, Checked.Mul(_sequence, _batch));
            _r = new QuantizedRecurrentProduct(b, 2, DynamicQuantizeLstm.RecurrentScale, op.Directions, _hidden, _gates, _batch);
        }
        else
        {
            _w = new FloatRecurrentProduct(b, 1, op.Directions, _input, [(0, _gates)]);
            _r = new FloatRecurrentProduct(b, 2, op.Directions, _hidden, _earlyGates == _gates ? [(0, _gates)] : [(0, _earlyGates), (_earlyGates, _gates - _earlyGates)]);
        }
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
        // Batch by batch, all steps are multiplied: the rows past the longest sequence lie between others.
        _w.Run(c, d, 0, (_op.BatchFirst ? _sequence : longest) * _batch, (float*)c.InPointer(0), inputBias, x, _gates);
        LoadState(c.In<float>(5), h, d);
        LoadState(c.In<float>(6), cell, d);
        new Span<float>(reset, _batch * _hidden).Clear();
        bool reverse = d == 1 || _op.FirstIsReverse;
        var y = c.Out<float>(0);
        for (int step = 0; step <= longest; step++)
        {
            for (int b = 0; b < _batch; b++)
                if (Length(b, lengths) == step) Finish(c, d, b, h, cell);
            if (step == longest) break;
            _r.Run(c, d, 0, _batch, h, null, product, _gates);
            for (int b = 0; b < _batch; b++)
                if (Time(step, b, lengths, reverse) is >= 0 and var t) _cells[d].First(Row(t, b), extra);
            if (_earlyGates < _gates)
            {
                _r.Run(c, d, 1, _batch, reset, null, product + _earlyGates, _gates);
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

        CellRow Row(int t, int b) => new(x + (nint)(_op.BatchFirst ? b * _sequence + t : t * _batch + b) * _gates, product + (nint)b * _gates, h + (nint)b * _hidden, cell + (nint)b * _hidden, reset + (nint)b * _hidden);
    }

    // Each sequence runs from its own end when reversed; −1 once it is over.
    private int Time(int step, int b, ReadOnlySpan<int> lengths, bool reverse)
    {
        int n = Length(b, lengths);
        return step >= n ? -1 : reverse ? n - 1 - step : step;
    }

    private int Length(int b, ReadOnlySpan<int> lengths) => lengths.IsEmpty ? _sequence : lengths[b];

    /// <summary>Biases that may be added to X·W at once; <paramref name="extra"/> is what the cell adds itself.</summary>
    private float* Bias(in StepContext c, int d, out float* extra)
    {
        extra = _op is Lstm && c.Has(7) ? (float*)c.InPointer(7) + (nint)d * 3 * _hidden : null;
        if (!c.Has(3)) return null;
        float* w = (float*)c.InPointer(3) + (nint)d * 2 * _gates, r = w + _gates, sum = (float*)c.WorkPointer(_bias);
        int both = _gates;
        if (_op is Gru { LinearBeforeReset: true })
        {
            both = 2 * _hidden;
            extra = r + both;
        }
        for (int i = 0; i < _gates; i++) sum[i] = i < both ? w[i] + r[i] : w[i];
        return sum;
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

    // States of a sequence that is over are zeros from then on: a quantized product spans those of the others.
    private void Finish(in StepContext c, int d, int b, float* h, float* cell)
    {
        StoreState(new(h + (nint)b * _hidden, _hidden), c.Out<float>(1), d, b);
        StoreState(new(cell + (nint)b * _hidden, _hidden), c.Out<float>(2), d, b);
    }

    private void StoreState(Span<float> from, Span<float> to, int d, int b)
    {
        if (!to.IsEmpty) from.CopyTo(to.Slice(StatePlace(d, b), _hidden));
        from.Clear();
    }
}
