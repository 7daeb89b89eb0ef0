using BenchmarkDotNet.Attributes;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Benchmarks;

/// <summary>Convolutions of 3 × 3 on a blocked picture that keep its size, channels and resolution as in ResNet's stages; weights are packed beforehand.</summary>
public unsafe class ConvBenchmarks
{
    private const int Block = ConvBlocked.Block;

    private ConvShape _dense, _depthwise;
    private Tensor _x = null!, _y = null!, _blocked = null!, _winograd = null!, _single = null!, _work = null!;
    private Workers _workers = null!;

    [Params("64x56", "256x14")]
    public string ChannelsXSize { get; set; } = "";

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        int[] dims = [.. ChannelsXSize.Split('x').Select(int.Parse)];
        var (c, size) = (dims[0], dims[1]);
        var dim = new WindowDim(size, size, 3, 1, 1, 1, 1);
        var window = new Window3(WindowDim.One, dim, dim);
        (_dense, _depthwise) = (new ConvShape(1, c, c, 1, window), new ConvShape(1, c, c, c, window));
        _workers = new Workers(Threads);
        Tensor image = Operands.Random(1, c, size, size), w = Operands.Random(c, c, 3, 3), few = Operands.Random(c, 1, 3, 3);
        (_x, _y) = (Operands.Zeros(image.Shape.Elements), Operands.Zeros(image.Shape.Elements));
        BlockedConvert.ToBlocked(_workers, image.Span<float>(), 1, c, size * size, Block, _x.Span<float>());
        _blocked = Operands.Zeros(ConvBlocked.PackedLength(_dense, false));
        ConvBlocked.Pack(Workers.Single, _dense, false, w.Span<float>(), _blocked.Span<float>());
        _winograd = Operands.Zeros(ConvWinograd.PackedLength(_dense));
        ConvWinograd.Pack(_workers, _dense, (float*)w.Pointer, (float*)_winograd.Pointer);
        _single = Operands.Zeros(ConvDepthwiseBlocked.PackedLength(_depthwise));
        ConvDepthwiseBlocked.Pack(_depthwise, few.Span<float>(), _single.Span<float>());
        _work = Operands.Zeros(Math.Max(1, Math.Max(ConvBlocked.WorkFloats(_dense, false), ConvWinograd.WorkFloats(_dense))));
        Check(_dense, image, w, Blocked);
        Check(_dense, image, w, Winograd);
        Check(_depthwise, image, few, Depthwise);
    }

    [Benchmark]
    public void Blocked() => ConvBlocked.Run(ConvBlocked.Table.Best, _workers, _dense, false, (float*)_x.Pointer, (float*)_blocked.Pointer, null, (float*)_y.Pointer, (float*)_work.Pointer, default);

    [Benchmark]
    public void Winograd() => ConvWinograd.Run(_workers, _dense, (float*)_x.Pointer, (float*)_winograd.Pointer, null, (float*)_y.Pointer, (float*)_work.Pointer, default);

    [Benchmark]
    public void Depthwise() => ConvDepthwiseBlocked.Run(ConvDepthwiseBlocked.Table.Best, _workers, _depthwise, (float*)_x.Pointer, (float*)_single.Pointer, null, (float*)_y.Pointer, default);

    [GlobalCleanup]
    public void Release() => _workers.Dispose();

    private void Check(in ConvShape s, Tensor image, Tensor weights, Action run)
    {
        Tensor expected = Operands.Zeros(image.Shape.Dims), actual = Operands.Zeros(image.Shape.Dims);
        ConvReference.Run(_workers, s, (float*)image.Pointer, (float*)weights.Pointer, null, (float*)expected.Pointer);
        run();
        BlockedConvert.FromBlocked(_workers, _y.Span<float>(), 1, s.OutChannels, s.Window.Outputs, Block, actual.Span<float>());
        Operands.Check(expected, actual, 1e-3);
    }
}
