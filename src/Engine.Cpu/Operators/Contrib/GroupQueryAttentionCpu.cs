using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>com.microsoft GroupQueryAttention: keys and values are written behind the past, then each entry attends to as many as it has.</summary>
internal sealed unsafe class GroupQueryAttentionCpu
{
    private readonly int _batch, _rows, _width, _heads, _keyHeads, _past, _total, _present, _half, _table, _query = -1, _mask, _workspace;
    private readonly int[] _joined = [-1, -1];
    private readonly bool _packed, _interleaved;
    private readonly float _scale;

    public static StepFn Bind(GroupQueryAttention op, BindContext b)
    {
        if (b.In(0).DType != DType.F32) throw b.Unsupported();
        return new GroupQueryAttentionCpu(op, b).Run;
    }

    private GroupQueryAttentionCpu(GroupQueryAttention op, BindContext b)
    {
        var q = b.In(0).Shape;
        _packed = !b.Has(1);
        (_batch, _rows, _width, _heads, _keyHeads, _interleaved) = (q.Int(0), q.Int(1), Checked.Int(op.Width(q, _packed)), op.Heads, op.KeyHeads, op.Interleaved);
        _scale = op.Scale == 0 ? 1 / MathF.Sqrt(_width) : op.Scale;
        _past = b.Has(3) ? b.In(3).Shape.Int(2) : 0;
        _total = Checked.Int(b.Value(6)!.ToLongs()[0]);
        _present = Math.Max(_past, _total);
        long present = Checked.Mul(4, Checked.Mul(Checked.Mul(_batch, _keyHeads), Checked.Mul(_present, _width)));
        for (int i = 0; i < 2; i++) if (!b.HasOut(i + 1)) _joined[i] = b.Work(present);
        _mask = b.Work(Checked.Mul(4, Checked.Mul(_rows, _present)));
        // Heads that share keys pack them once.
        _workspace = b.Work(Checked.Mul(4, AttentionF32.PackedLength(_keyHeads, 1, _present, _width, _width)));
        if (!op.Turns) return;
        (_table, _half) = (b.In(GroupQueryAttention.Cos).Shape.Int(0), b.In(GroupQueryAttention.Cos).Shape.Int(1));
        _query = b.Work(Checked.Mul(4, Checked.Mul(Checked.Mul(_batch, _rows), Checked.Mul(_heads, _width))));
    }

    private void Run(in StepContext c)
    {
        float* query = (float*)c.InPointer(0), turned = _query < 0 ? null : (float*)c.WorkPointer(_query);
        nint row = (nint)(_packed ? _heads + 2 * _keyHeads : _keyHeads) * _width, queryRow = _packed ? row : (nint)_heads * _width;
        float* key = _packed ? query + (nint)_heads * _width : (float*)c.InPointer(1), value = _packed ? key + (nint)_keyHeads * _width : (float*)c.InPointer(2);
        for (int n = 0; n < _batch; n++)
        {
            int past = Past(c.In<int>(5)[n], n);
            var q = new HeadRows(query + n * _rows * queryRow, (nint)(_heads / _keyHeads) * _width, _width, queryRow);
            if (turned != null)
            {
                var from = new HeadRows(query + n * _rows * queryRow, 0, _width, queryRow);
                var to = Dense(turned, n);
                for (int s = 0; s < _rows; s++)
                    for (int h = 0; h < _heads; h++) Turn(c, from.At(0, h, s), to + ((nint)s * _heads + h) * _width, past + s);
                q = Grouped(to);
            }
            var k = Join(c, 0, new(key + n * _rows * row, 0, _width, row), n, past, turned != null);
            var v = Join(c, 1, new(value + n * _rows * row, 0, _width, row), n, past, false);
            int keys = past + _rows;
            FillMask(c.Work<float>(_mask), past, keys);
            var operands = new AttentionOperands { Q = q, K = k, V = v, Mask = new((float*)c.WorkPointer(_mask), 0, 0, keys), Y = Grouped(Dense((float*)c.OutPointer(0), n)) };
            new AttentionF32(_keyHeads, _heads / _keyHeads, _rows, keys, _width, _width, _scale) { ZeroWhereHidden = true }.Run(c.Workers, operands, (float*)c.WorkPointer(_workspace));
        }
    }

    private int Past(int last, int n)
    {
        if (_rows == _total) return 0;
        long past = last + 1L - _rows;
        return past >= 0 && past <= _past && past + _rows <= _present ? (int)past : throw new OperatorException($"seqlens_k {last} of entry {n} does not fit {_rows} positions behind at most {_past}");
    }

    private float* Dense(float* data, int n) => data + (nint)n * _rows * _heads * _width;

    // The heads that share a key are the kernel's heads, and the keys' heads its batch.
    private HeadRows Grouped(float* data) => new(data, (nint)(_heads / _keyHeads) * _width, _width, (nint)_heads * _width);

    private void Turn(in StepContext c, float* x, float* y, int position)
    {
        if (position >= _table) throw new OperatorException($"position {position} is outside a table of {_table}");
        int at = position * _half;
        Rotary.Turn(new(x, _width), c.In<float>(GroupQueryAttention.Cos).Slice(at, _half), c.In<float>(GroupQueryAttention.Sin).Slice(at, _half), _interleaved, new(y, _width));
    }

    // Past, new and unused rows of entry n's keys (which 0) or values (1).
    private HeadRows Join(in StepContext c, int which, HeadRows rows, int n, int past, bool turns)
    {
        nint all = (nint)_present * _width;
        float* to = (_joined[which] < 0 ? (float*)c.OutPointer(which + 1) : (float*)c.WorkPointer(_joined[which])) + n * _keyHeads * all;
        for (int h = 0; h < _keyHeads; h++)
        {
            var joined = new Span<float>(to + h * all, (int)all);
            if (past > 0) c.In<float>(3 + which).Slice((n * _keyHeads + h) * _past * _width, past * _width).CopyTo(joined);
            for (int s = 0; s < _rows; s++)
            {
                if (turns) Turn(c, rows.At(0, h, s), to + h * all + (nint)(past + s) * _width, past + s);
                else new ReadOnlySpan<float>(rows.At(0, h, s), _width).CopyTo(joined[((past + s) * _width)..]);
            }
            joined[((past + _rows) * _width)..].Clear();
        }
        return new(to, all, 0, _width);
    }

    private void FillMask(Span<float> mask, int past, int keys)
    {
        for (int s = 0; s < _rows; s++)
        {
            var row = mask.Slice(s * keys, keys);
            row[..(past + s + 1)].Clear();
            row[(past + s + 1)..].Fill(float.NegativeInfinity);
        }
    }
}
