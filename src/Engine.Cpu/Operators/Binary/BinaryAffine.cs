using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>How a BinaryConv makes f32 of its sums: scale, bias, then the fused residual and ReLU.</summary>
internal sealed unsafe class BinaryAffine
{
    private readonly FloatPlaces _places;
    private readonly Tensor _scale, _bias;
    private readonly Tensor? _negative;
    private readonly int _residual;
    private readonly float _least;
    private readonly float _threshold;
    private readonly bool _above;
    private readonly nint _signStep;

    /// <summary>For results in <paramref name="to"/>, plain or blocked; of the sums of <paramref name="tree"/> where it is given.</summary>
    public BinaryAffine(ConvShape s, NodeTypes n, Encoding to, SignedTree? tree = null)
    {
        int plane = s.Window.Outputs;
        _places = to != Encoding.Plain ? FloatPlaces.Blocked(s.OutChannels, plane, ConvBlocked.Block) : n.In(1).Shape.Rank == 2 ? FloatPlaces.ChannelsLast(s.OutChannels, s.Batch) : FloatPlaces.Planes(s.OutChannels, plane);
        (_scale, _bias) = (PerChannel(n, 2, 1, s.OutChannels), PerChannel(n, 3, 0, s.OutChannels));
        if (BinaryConvCpu.Sign(n) is { } sign)
        {
            (_threshold, _above) = (sign.Operand < 0 ? 0 : n.Values[sign.Operand]!.Span<float>()[0], ((BinarySign)sign.Op).Direction < 0);
            _signStep = to == Encoding.Plain ? (nint)BitPlanes.ChannelBytes((long)s.Batch * plane) : ChannelBits.Words(s.OutChannels) * sizeof(ulong);
        }
        if (BinaryConvCpu.IsOwn(n, 4)) _negative = PerChannel(n, 4, 0, s.OutChannels);
        for (int m = 0; tree is not null && m < s.OutChannels; m++)
        {
            ref float scale = ref _scale.Span<float>()[m];
            (scale, float below) = tree.Turn(m, scale, _negative is null ? scale : _negative.Span<float>()[m]);
            if (_negative is not null) _negative.Span<float>()[m] = below;
        }
        _residual = n.Node.Epilogue.FirstOrDefault(e => e.Op is Add)?.Operand ?? int.MaxValue;
        _least = n.Node.Epilogue.Any(e => e.Op is Relu) ? 0 : float.NegativeInfinity;
    }

    /// <summary>The store of a run.</summary>
    public AffineStore Store(in StepContext c) => new((float*)c.OutPointer(0), _places, (float*)_scale.Pointer, (float*)_bias.Pointer, (float*)c.InPointer(_residual), _least, _negative is null ? null : (float*)_negative.Pointer, new(_signStep == 0 ? null : c.OutPointer(1), _signStep, _threshold, _above));

    private static Tensor PerChannel(NodeTypes n, int input, float otherwise, int channels)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(SignStore.Padded(channels)));
        t.Span<float>().Fill(otherwise);
        if (BinaryConvCpu.IsOwn(n, input)) n.Values[input]!.Span<float>().CopyTo(t.Span<float>());
        return t;
    }
}
