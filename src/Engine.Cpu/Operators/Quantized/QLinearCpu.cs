using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Operators on 8-bit codes whose grids are operands: functions of one element by table, others through f32.</summary>
internal static unsafe class QLinearCpu
{
    public static StepFn LeakyRelu(QLinearLeakyRelu op, BindContext b) => Function(b, new Activation(ActivationKind.LeakyRelu, op.Alpha));

    public static StepFn Sigmoid(QLinearSigmoid op, BindContext b) => Function(b, Activation.Sigmoid);

    public static StepFn Binary<TFunction>(BindContext b) where TFunction : struct, IBinaryF32
    {
        var type = b.In(0).DType;
        var (left, right) = (new Expanded(b, 0), new Expanded(b, 3));
        return (in StepContext c) =>
        {
            var to = Grid(c, 6, 7, type);
            BinaryInt8.Run<TFunction>(c.Workers, Grid(c, 1, 2, type), left.Read(c), Grid(c, 4, 5, type), right.Read(c), to, to.Min, c.Out<byte>(0));
        };
    }

    public static StepFn Where(QLinearWhere op, BindContext b)
    {
        var type = b.In(1).DType;
        Expanded condition = new(b, 0), x = new(b, 1), y = new(b, 4);
        return (in StepContext c) =>
        {
            Span<byte> fromX = stackalloc byte[256], fromY = stackalloc byte[256];
            var to = Grid(c, 7, 8, type);
            to.Table(Grid(c, 2, 3, type), Activation.None, fromX);
            to.Table(Grid(c, 5, 6, type), Activation.None, fromY);
            ReadOnlySpan<byte> k = condition.Read(c), p = x.Read(c), q = y.Read(c);
            var z = c.Out<byte>(0);
            for (int i = 0; i < z.Length; i++) z[i] = k[i] != 0 ? fromX[p[i]] : fromY[q[i]];
        };
    }

    public static StepFn Concat(QLinearConcat op, BindContext b)
    {
        var type = b.Out(0).DType;
        int axis = op.Axis(b.Out(0).Shape), parts = (b.InputCount - 2) / 3;
        int outer = b.Out(0).Shape.Count(0, axis), row = b.Out(0).Shape.Count(axis, b.Out(0).Shape.Rank);
        var lengths = new int[parts];
        for (int i = 0; i < parts; i++) lengths[i] = b.In(2 + 3 * i).Shape.Count(axis, b.Out(0).Shape.Rank);
        return (in StepContext c) =>
        {
            Span<byte> table = stackalloc byte[256];
            var to = Grid(c, 0, 1, type);
            var y = c.Out<byte>(0);
            int at = 0;
            for (int i = 0; i < lengths.Length; i++)
            {
                to.Table(Grid(c, 3 + 3 * i, 4 + 3 * i, type), Activation.None, table);
                var x = c.In<byte>(2 + 3 * i);
                for (int o = 0; o < outer; o++)
                {
                    var (from, target) = (o * lengths[i], o * row + at);
                    for (int j = 0; j < lengths[i]; j++) y[target + j] = table[x[from + j]];
                }
                at += lengths[i];
            }
        };
    }

    public static StepFn Softmax(QLinearSoftmax op, BindContext b)
    {
        var type = b.In(0).DType;
        var (outer, length, inner) = op.Rows(b.In(0).Shape);
        int values = b.Work(Checked.Mul(b.In(0).Elements, 4));
        return (in StepContext c) =>
        {
            var (from, to) = (Grid(c, 1, 2, type), Grid(c, 3, 4, type));
            var v = c.Work<float>(values)[..c.In<byte>(0).Length];
            Dequantize8.Table.Best(c.In<byte>(0), from.Signed, from.Scale, from.Zero, v);
            SoftmaxLoop.Run(c.Workers, SoftmaxKind.Softmax, outer, length, inner, (float*)c.WorkPointer(values), (float*)c.WorkPointer(values));
            QuantizeF32.Table.Best(v, to.Scale, to.Zero, to.Min, to.Max, c.Out<byte>(0));
        };
    }

    public static StepFn GlobalAverage(QLinearGlobalAveragePool op, BindContext b)
    {
        var x = op.ChannelsLast ? ChannelOrder.ChannelsFirst(b.In(0).Shape) : b.In(0).Shape;
        int pixels = x.Count(2, x.Rank);
        return Average(b, x, op.ChannelsLast, new(WindowDim.One, WindowDim.One, new WindowDim(pixels, 1, Math.Max(1, pixels), 1, 1, 0, 0)), false);
    }

    public static StepFn Average(QLinearAveragePool op, BindContext b)
    {
        var x = op.ChannelsLast ? ChannelOrder.ChannelsFirst(b.In(0).Shape) : b.In(0).Shape;
        return Average(b, x, op.ChannelsLast, SpatialTypes.Window(op.Window.Resolve(x, [])), op.CountIncludePad);
    }

    public static StepFn NhwcMax(NhwcMaxPool op, BindContext b)
    {
        var x = ChannelOrder.ChannelsFirst(b.In(0).Shape);
        var window = SpatialTypes.Window(op.Window.Resolve(x, []));
        var order = new Reordered(b, x);
        int planes = SpatialTypes.Planes(x), result = b.Work(b.Out(0).Elements);
        bool signed = b.In(0).DType == DType.I8;
        return (in StepContext c) =>
        {
            byte* from = order.First(c), to = c.WorkPointer(result);
            if (signed) Pooling.Max(c.Workers, planes, window, (sbyte*)from, (sbyte*)to, null, false);
            else Pooling.Max(c.Workers, planes, window, from, to, null, false);
            order.Last(c, c.Work<byte>(result));
        };
    }

    private static StepFn Average(BindContext b, Shape x, bool channelsLast, Window3 window, bool countPad)
    {
        var type = b.In(0).DType;
        var order = channelsLast ? new Reordered(b, x) : null;
        int planes = SpatialTypes.Planes(x), outputs = b.Out(0).Shape.Count;
        int values = b.Work(Checked.Mul(x.Elements, 4)), means = b.Work(Checked.Mul(outputs, 4)), codes = b.Work(outputs);
        return (in StepContext c) =>
        {
            var (from, to) = (Grid(c, 1, 2, type), Grid(c, 3, 4, type));
            var v = c.Work<float>(values)[..c.In<byte>(0).Length];
            Dequantize8.Table.Best(order is null ? c.In<byte>(0) : new(order.First(c), v.Length), from.Signed, from.Scale, from.Zero, v);
            Pooling.Run(c.Workers, planes, window, (float*)c.WorkPointer(values), (float*)c.WorkPointer(means), new AveragePooling<float>(countPad));
            var y = order is null ? c.Out<byte>(0) : c.Work<byte>(codes)[..outputs];
            QuantizeF32.Table.Best(c.Work<float>(means)[..outputs], to.Scale, to.Zero, to.Min, to.Max, y);
            order?.Last(c, y);
        };
    }

    private static StepFn Function(BindContext b, Activation f)
    {
        var type = b.In(0).DType;
        return (in StepContext c) =>
        {
            Span<byte> table = stackalloc byte[256];
            Grid(c, 3, 4, type).Table(Grid(c, 1, 2, type), f, table);
            var x = c.In<byte>(0);
            var y = c.Out<byte>(0);
            for (int i = 0; i < y.Length; i++) y[i] = table[x[i]];
        };
    }

    private static CodeGrid Grid(in StepContext c, int scale, int zero, DType type) => new(type == DType.I8, c.In<float>(scale)[0], QuantCodes.Read(type, c.In<byte>(zero), 0));

    /// <summary>An operand of 8-bit elements, broadcast to the output's shape in a workspace where it is smaller.</summary>
    private sealed class Expanded
    {
        private readonly int _input, _work = -1, _count;
        private readonly long[] _dims = [], _strides = [];

        public Expanded(BindContext b, int input)
        {
            Shape x = b.In(input).Shape, y = b.Out(0).Shape;
            (_input, _count) = (input, y.Count);
            if (x == y) return;
            _work = b.Work(y.Elements);
            _dims = y.ToArray();
            _strides = new long[y.Rank];
            var own = x.Strides();
            for (int i = 1; i <= x.Rank; i++) _strides[^i] = x[x.Rank - i] == 1 ? 0 : own[^i];
        }

        public ReadOnlySpan<byte> Read(in StepContext c)
        {
            if (_work < 0) return c.In<byte>(_input);
            var y = c.Work<byte>(_work)[.._count];
            StridedCopy.Run(c.Workers, c.In<byte>(_input), 0, _dims, _strides, y);
            return y;
        }
    }

    /// <summary>Input 0 brought from [N, …, C] to [N, C, …], and a result back.</summary>
    private sealed class Reordered
    {
        private readonly long[] _inDims, _inStrides, _outDims, _outStrides;
        private readonly int _work;

        public Reordered(BindContext b, Shape channelsFirst)
        {
            var (x, y) = (b.In(0).Shape, b.Out(0).Shape);
            _work = b.Work(x.Elements);
            var s = x.Strides();
            (_inDims, _inStrides) = (channelsFirst.ToArray(), [s[0], s[^1], .. s[1..^1]]);
            var t = ChannelOrder.ChannelsFirst(y).Strides();
            (_outDims, _outStrides) = (y.ToArray(), [t[0], .. t[2..], t[1]]);
        }

        public byte* First(in StepContext c)
        {
            StridedCopy.Run(c.Workers, c.In<byte>(0), 0, _inDims, _inStrides, c.Work<byte>(_work)[..c.In<byte>(0).Length]);
            return c.WorkPointer(_work);
        }

        public void Last(in StepContext c, ReadOnlySpan<byte> y) => StridedCopy.Run(c.Workers, y, 0, _outDims, _outStrides, c.Out<byte>(0));
    }
}
