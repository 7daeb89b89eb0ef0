using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Integer convolutions; weights are widened once when they and their zero points are constant, else for every run.</summary>
internal static unsafe class IntegerConvCpu
{
    public static StepFn Bind(ConvInteger op, BindContext b)
    {
        var conv = Geometry(op, b);
        var weights = new Weights(b, conv, 1, 3);
        var type = b.In(0).DType;
        int positions = conv.Positions;
        return (in StepContext c) =>
            conv.Run(c.Workers, c.InPointer(0), type == DType.I8, QuantCodes.Read(type, c.In<byte>(2), 0), weights.At(c), new Int32Store((int*)c.OutPointer(0), positions));
    }

    public static StepFn Bind(QLinearConv op, BindContext b)
    {
        var conv = Geometry(op, b);
        var weights = new Weights(b, conv, 3, 5);
        var (from, to) = (b.In(0).DType, b.Out(0).DType);
        var (min, max) = QuantCodes.Range(to);
        int positions = conv.Positions, channels = b.In(3).Shape.Int(0), work = b.Work(Checked.Mul(4, Math.Max(1, channels)));
        return (in StepContext c) =>
        {
            var factor = c.Work<float>(work);
            var sw = c.In<float>(4);
            float sx = c.In<float>(1)[0], sy = c.In<float>(6)[0];
            for (int i = 0; i < channels; i++) factor[i] = sx * sw[sw.Length == 1 ? 0 : i] / sy;
            var store = new RequantizeStore(c.OutPointer(0), positions, new((float*)c.WorkPointer(work), 1, 0), new((int*)c.InPointer(8), 1, 0), QuantCodes.Read(to, c.In<byte>(7), 0), min, max);
            conv.Run(c.Workers, c.InPointer(0), from == DType.I8, QuantCodes.Read(from, c.In<byte>(2), 0), weights.At(c), store);
        };
    }

    private static ConvInt8 Geometry(IntegerConv op, BindContext b)
    {
        Shape x = b.In(0).Shape, w = b.In(op.WeightInput).Shape;
        return new(new ConvShape(x.Int(0), x.Int(1), w.Int(0), op.Group, SpatialTypes.Window(op.Windows(x, w))));
    }

    /// <summary>Weights as i16 rows.</summary>
    private sealed class Weights
    {
        private readonly ConvInt8 _conv;
        private readonly int _input, _zero, _zeroCount, _work = -1, _zeros = -1;
        private readonly DType _type;
        private readonly Tensor? _packed;

        public Weights(BindContext b, ConvInt8 conv, int input, int zero)
        {
            (_conv, _input, _zero, _type) = (conv, input, b.Has(zero) ? zero : -1, b.In(input).DType);
            if (b.Weight(input) is not null && IntegerProduct.UniformZero(b, _zero) is { } known)
            {
                _packed = b.Pack(input, $"conv-int8 zero {known}", w =>
                {
                    var t = Tensor.Allocate(DType.I16, new Shape(conv.PackedLength));
                    var dense = w.Decode();
                    conv.Pack(dense.Bytes, _type == DType.I8, [known], t.Span<short>());
                    return t;
                });
                return;
            }
            _zeroCount = _zero < 0 ? 0 : b.In(_zero).Shape.Count;
            _work = b.Work(Checked.Mul(conv.PackedLength, sizeof(short)));
            _zeros = b.Work(Checked.Mul(4, Math.Max(1, _zeroCount)));
        }

        public short* At(in StepContext c)
        {
            if (_packed is not null) return (short*)_packed.Pointer;
            var zeros = c.Work<int>(_zeros)[.._zeroCount];
            for (int i = 0; i < zeros.Length; i++) zeros[i] = QuantCodes.Read(_type, c.In<byte>(_zero), i);
            _conv.Pack(c.In<byte>(_input), _type == DType.I8, zeros, c.Work<short>(_work));
            return (short*)c.WorkPointer(_work);
        }
    }
}
