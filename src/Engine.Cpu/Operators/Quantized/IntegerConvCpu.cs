using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Integer convolutions of codes whose grids or weights are known only at run time; others become wires with grids (<see cref="Graph.QOperatorLowering"/>).</summary>
internal static unsafe class IntegerConvCpu
{
    public static StepFn Bind(ConvInteger op, BindContext b)
    {
        var conv = new IntegerConvolution(op, b, 3);
        int outputs = conv.Shape.OutChannels, plane = conv.Shape.Window.Outputs;
        return (in StepContext c) => conv.Run(c, new PlaneTileStore((int*)c.OutPointer(0), outputs, plane));
    }

    public static StepFn Bind(QLinearConv op, BindContext b)
    {
        var conv = new IntegerConvolution(op, b, 5);
        var type = b.Out(0).DType;
        var (min, max) = QuantCodes.Range(type);
        int outputs = conv.Shape.OutChannels, plane = conv.Shape.Window.Outputs, work = b.Work(Checked.Mul(4, Math.Max(1, outputs)));
        return (in StepContext c) =>
        {
            var factor = c.Work<float>(work);
            var sw = c.In<float>(4);
            float sx = c.In<float>(1)[0], sy = c.In<float>(6)[0];
            for (int i = 0; i < outputs; i++) factor[i] = sx * sw[sw.Length == 1 ? 0 : i] / sy;
            conv.Run(c, new PlaneTileStore(null, c.OutPointer(0), outputs, plane, (float*)c.WorkPointer(work), (int*)c.InPointer(8), QuantCodes.Read(type, c.In<byte>(7), 0), min, max));
        };
    }
}

/// <summary>Codes x [N, C, …] brought channels last and convolved; weights are packed once when they and their zero point are constant, else for every run.</summary>
internal sealed unsafe class IntegerConvolution
{
    private readonly ConvRowsU8S8 _rows;
    private readonly ConvDepthwiseU8S8? _depthwise;
    private readonly int _weights, _zero, _zeroCount, _codes, _work, _packedWork, _zeros, _packWork, _starts;
    private readonly bool _signed, _signedWeights;
    private readonly DType _type, _weightType;
    private readonly Tensor? _packed;

    /// <summary>Binds x (input 0, its zero point input 2), the weights and their zero points; a zero point left out is 0.</summary>
    public IntegerConvolution(IntegerConv op, BindContext b, int weightZero)
    {
        Shape x = b.In(0).Shape, w = b.In(op.WeightInput).Shape;
        Shape = new(x.Int(0), x.Int(1), w.Int(0), op.Group, SpatialTypes.Window(op.Windows(x, w)));
        _rows = new(Shape);
        if (ConvDepthwiseU8S8.Supports(Shape)) _depthwise = new(Shape);
        (_weights, _zero, _type, _weightType) = (op.WeightInput, b.Has(weightZero) ? weightZero : -1, b.In(0).DType, b.In(op.WeightInput).DType);
        (_signed, _signedWeights) = (_type == DType.I8, _weightType == DType.I8);
        _codes = b.Work(Checked.Mul(Checked.Mul(Shape.Batch, Shape.Window.Inputs), ChannelsLast.Padded(Shape.Channels)));
        _work = b.Work(_depthwise?.WorkBytes ?? _rows.WorkBytes);
        _starts = b.Work(sizeof(int) * (long)(_depthwise?.StartsLength ?? 0));
        long length = _depthwise is null ? _rows.PackedLength : Checked.Mul(sizeof(short), _depthwise.PackedLength);
        if (b.Weight(_weights) is not null && IntegerProduct.UniformZero(b, _zero) is { } known)
        {
            var layout = new PackedLayout(_depthwise is null ? "conv-u8s8" : "conv-depthwise-u8s8", 1, $"codes {Shape} zero {known}", DType.U8, length) { IsStored = false };
            _packed = b.Pack(_weights, layout, (weight, to, _) =>
            {
                Tensor work = Tensor.Allocate(DType.U8, new Shape(PackBytes)), dense = weight.Decode();
                Pack(dense.Bytes, [known], work.Bytes, to.Bytes);
                GC.KeepAlive(dense);
            });
            return;
        }
        _zeroCount = _zero < 0 ? 0 : b.In(_zero).Shape.Count;
        _packedWork = b.Work(length);
        _packWork = b.Work(PackBytes);
        _zeros = b.Work(Checked.Mul(sizeof(int), Math.Max(1, _zeroCount)));
    }

    /// <summary>The sizes.</summary>
    public ConvShape Shape { get; }

    private long PackBytes => _depthwise is null ? _rows.PackBytes : 0;

    /// <summary>Convolves into the store.</summary>
    public void Run(in StepContext c, in PlaneTileStore store)
    {
        if (Shape.Window.Outputs == 0 || Shape.Batch == 0 || Shape.OutChannels == 0) return;
        byte* packed = _packed is null ? c.WorkPointer(_packedWork) : _packed.Pointer, x = c.WorkPointer(_codes), work = c.WorkPointer(_work);
        if (_packed is null)
        {
            var zeros = c.Work<int>(_zeros)[..Math.Max(1, _zeroCount)];
            zeros[0] = 0;
            for (int i = 0; i < _zeroCount; i++) zeros[i] = QuantCodes.Read(_weightType, c.In<byte>(_zero), i);
            Pack(c.In<byte>(_weights), zeros, c.Work<byte>(_packWork), c.Work<byte>(_packedWork));
        }
        int zero = QuantCodes.Read(_type, c.In<byte>(2), 0);
        ChannelsLast.FromPlanes(c.Workers, c.InPointer(0), Shape.Batch, Shape.Channels, Shape.Window.Inputs, new CodeGrid(_signed, 1, zero), x);
        byte code = (byte)(zero + (_signed ? 128 : 0));
        if (_depthwise is null)
        {
            _rows.Run(c.Workers, x, code, packed, work, store);
            return;
        }
        var starts = c.Work<int>(_starts);
        _depthwise.Starts(new((short*)packed, Checked.Int(_depthwise.PackedLength)), code, [], starts);
        _depthwise.Run(ConvDepthwiseU8S8.Table.Best, c.Workers, x, code, (short*)packed, (int*)c.WorkPointer(_starts), work, store);
    }

    private void Pack(ReadOnlySpan<byte> weights, ReadOnlySpan<int> zeros, Span<byte> work, Span<byte> packed)
    {
        if (_depthwise is null) _rows.Pack(weights, _signedWeights, zeros, work[..Checked.Int(_rows.PackBytes)], packed);
        else _depthwise.Pack(weights, _signedWeights, zeros, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, short>(packed)[..Checked.Int(_depthwise.PackedLength)]);
    }
}
