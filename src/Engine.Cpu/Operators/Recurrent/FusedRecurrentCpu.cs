using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// LSTM and GRU with their usual functions over whole sequences and constant weights: products and gates of a step in one pass, states
/// written where the result wants them. Two directions share the threads; else panels of a step do, where it is long enough.
/// </summary>
internal sealed unsafe class FusedRecurrentCpu
{
    // Below as many rows, the input is multiplied in the steps: its weights are read as often, and a product is saved.
    private const int FewRows = 3;

    private readonly Recurrent _op;
    private readonly RecurrentF32.Fn _fn;
    private readonly int _sequence, _batch, _input, _hidden, _gates;
    private readonly FloatRecurrentProduct? _w;
    private readonly Tensor _r, _bias;
    private readonly Tensor? _direct;
    private readonly int _x = -1, _h, _c;

    public static bool Accepts(Recurrent op, NodeTypes n)
    {
        bool known = n.Weights[1] is not null && n.Weights[2] is not null && (!n.Has(3) || n.Weights[3] is not null);
        string[] usual = op is Lstm ? ["SIGMOID", "TANH", "TANH"] : ["SIGMOID", "TANH"];
        return op is Lstm { InputForget: false } and not DynamicQuantizeLstm or Gru { LinearBeforeReset: true }
            && op.Clip is null && known && !n.Has(4) && !n.Has(7) && n.In(0).DType == DType.F32
            && op.Activations.Select(a => a.ToUpperInvariant()).SequenceEqual(Enumerable.Repeat(usual, op.Directions).SelectMany(u => u));
    }

    public static StepFn Bind(Recurrent op, BindContext b) => new FusedRecurrentCpu(op, b).Run;

    private FusedRecurrentCpu(Recurrent op, BindContext b)
    {
        _op = op;
        _fn = (op is Lstm ? RecurrentF32.Lstm : RecurrentF32.Gru).Best;
        var x = b.In(0).Shape;
        (_sequence, _batch) = op.BatchFirst ? (x.Int(1), x.Int(0)) : (x.Int(0), x.Int(1));
        (_input, _hidden, _gates) = (x.Int(2), b.In(2).Shape.Int(2), op.Gates);
        int columns = Checked.Int(Checked.Mul(_gates, _hidden)), directions = op.Directions;
        _r = Packed(b, 2, _hidden);
        if (op is Lstm && Checked.Mul(_sequence, _batch) <= FewRows) _direct = Packed(b, 1, _input);
        else
        {
            _w = new FloatRecurrentProduct(b, 1, directions, _input, [(0, columns)]);
            _x = b.Work(Checked.Mul(Checked.Mul(Checked.Mul(_sequence, _batch), columns), directions * sizeof(float)));
        }
        _bias = b.Has(3) ? b.Pack(3, $"recurrent {op.Name} biases", w => Biases(w, columns)) : Tensor.Allocate(DType.F32, new Shape(directions, columns + _hidden));
        // Two states in turn.
        _h = b.Work(Checked.Mul(Checked.Mul(_batch, _hidden), 2 * directions * sizeof(float)));
        _c = b.Work(Checked.Mul(Checked.Mul(_batch, _hidden), directions * sizeof(float)));
    }

    private Tensor Packed(BindContext b, int input, int k)
    {
        long length = RecurrentF32.PackedLength(_gates, _hidden, k);
        return b.Pack(input, new PackedLayout("recurrent-f32", 1, $"{_op.Directions}x{_gates}x{_hidden}x{k}", DType.F32, Checked.Mul(_op.Directions, length)), (w, to, _) =>
        {
            var dense = w.Decode();
            for (int d = 0; d < _op.Directions; d++) RecurrentF32.Pack(_gates, _hidden, k, (float*)dense.Pointer + (nint)d * _gates * _hidden * k, (float*)to.Pointer + d * length);
            GC.KeepAlive(dense);
        });
    }

    // Per direction: what is added to all gates, then the GRU's bias inside the reset.
    private Tensor Biases(Weight weight, int columns)
    {
        var dense = weight.Decode();
        var t = Tensor.Allocate(DType.F32, new Shape(_op.Directions, columns + _hidden));
        int both = _op is Gru ? 2 * _hidden : columns;
        for (int d = 0; d < _op.Directions; d++)
        {
            var from = dense.Span<float>().Slice(2 * d * columns, 2 * columns);
            var to = t.Span<float>().Slice(d * (columns + _hidden), columns + _hidden);
            for (int i = 0; i < columns; i++) to[i] = i < both ? from[i] + from[columns + i] : from[i];
            if (_op is Gru) from[(columns + both)..].CopyTo(to[columns..]);
        }
        return t;
    }

    private void Run(in StepContext c)
    {
        int columns = _gates * _hidden;
        var p = new Pass
        {
            Layer = this,
            Workers = c.Workers,
            X = _x < 0 ? null : (float*)c.WorkPointer(_x),
            H = (float*)c.WorkPointer(_h),
            C = (float*)c.WorkPointer(_c),
            Input = (float*)c.InPointer(0),
            H0 = (float*)c.InPointer(5),
            C0 = (float*)c.InPointer(6),
            Y = (float*)c.OutPointer(0),
            LastH = (float*)c.OutPointer(1),
            LastC = (float*)c.OutPointer(2),
        };
        for (int d = 0; d < _op.Directions && _w is not null; d++)
            _w.Run(c, d, 0, _sequence * _batch, p.Input, (float*)_bias.Pointer + (nint)d * (columns + _hidden), p.X + (nint)d * _sequence * _batch * columns, columns);
        double work = (double)_sequence * _batch * columns * _hidden;
        c.Workers.For(_op.Directions, work > 400_000 ? 1 : 2, p);
    }

    /// <summary>One run over resolved operands; an index is a direction.</summary>
    private struct Pass : IParallelBody
    {
        public FusedRecurrentCpu Layer;
        public Workers Workers;
        public float* X, H, C, Input, H0, C0, Y, LastH, LastC;

        public readonly void Run(int start, int end)
        {
            for (int d = start; d < end; d++) Direction(d);
        }

        private readonly void Direction(int d)
        {
            var l = Layer;
            int hidden = l._hidden, batch = l._batch, columns = l._gates * hidden, directions = l._op.Directions, state = batch * hidden;
            bool first = l._op.BatchFirst, reverse = d == 1 || l._op.FirstIsReverse;
            // Rows of a time step in the input, in the result, and of the states that come in and go out.
            nint pitch = first ? l._sequence : 1, stateRow = first ? directions * hidden : hidden, stateStart = first ? (nint)d * hidden : (nint)d * state;
            float* x = X + (nint)d * l._sequence * batch * columns, bias = (float*)l._bias.Pointer + (nint)d * (columns + hidden), own = H + (nint)d * 2 * state;
            var s = new RecurrentStep { Hidden = hidden, Rows = batch, Weights = (float*)l._r.Pointer + d * RecurrentF32.PackedLength(l._gates, hidden, hidden), C = C + (nint)d * state, H = own, HRow = hidden };
            if (l._op is Gru) s.Extra = bias + columns;
            Load(H0, stateStart, stateRow, own, batch, hidden);
            if (l._op is Lstm) Load(C0, stateStart, stateRow, s.C, batch, hidden);
            for (int step = 0; step < l._sequence; step++)
            {
                nint t = reverse ? l._sequence - 1 - step : step, row = first ? t : t * batch;
                if (l._direct is { } direct)
                {
                    s.InputWeights = (float*)direct.Pointer + d * RecurrentF32.PackedLength(l._gates, hidden, l._input);
                    (s.InputLength, s.InputRow, s.XRow) = (l._input, pitch * l._input, 0);
                    s.Input = Input + row * l._input;
                    s.X = bias;
                }
                else
                {
                    s.X = x + row * columns;
                    s.XRow = pitch * columns;
                }
                s.Next = Y == null ? own + (s.H == own ? state : 0) : Y + (first ? t * directions + d : (t * directions + d) * batch) * hidden;
                s.NextRow = Y != null && first ? pitch * directions * hidden : hidden;
                Workers.Cancellation.ThrowIfCancellationRequested();
                RecurrentF32.Run(Workers, l._fn, l._gates, s);
                s.H = s.Next;
                s.HRow = s.NextRow;
            }
            Store(s.H, s.HRow, LastH, stateStart, stateRow, batch, hidden);
            if (l._op is Lstm) Store(s.C, hidden, LastC, stateStart, stateRow, batch, hidden);
        }

        private static void Load(float* from, nint start, nint row, float* to, int batch, int hidden)
        {
            if (from == null) new Span<float>(to, batch * hidden).Clear();
            else for (int b = 0; b < batch; b++) new ReadOnlySpan<float>(from + start + b * row, hidden).CopyTo(new(to + (nint)b * hidden, hidden));
        }

        private static void Store(float* from, nint fromRow, float* to, nint start, nint row, int batch, int hidden)
        {
            for (int b = 0; b < batch && to != null; b++) new ReadOnlySpan<float>(from + b * fromRow, hidden).CopyTo(new(to + start + b * row, hidden));
        }
    }
}
