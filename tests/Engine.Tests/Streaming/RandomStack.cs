using Engine.Graph;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>A random stack of layers over one time axis; the same seed gives the same stack.</summary>
internal sealed partial class RandomStack
{
    private readonly Random _r;
    private readonly GraphBuilder _b = new();
    private readonly int _rank, _axis;
    private int _channels;

    public RandomStack(int seed)
    {
        _r = new Random(seed);
        _rank = _r.Next(4) == 0 ? 4 : 3;
        _axis = _rank == 3 ? 2 : 2 + _r.Next(2);
        _channels = new[] { 1, 2, 3, 16 }[_r.Next(4)];
        Length = 30 + _r.Next(50);
        var d = new long[_rank];
        Array.Fill(d, 3);
        (d[0], d[1], d[_axis]) = (1, _channels, Length);
        Input = new Shape(d);
        var x = _b.Input("x", DType.F32);
        Layers = 1 + _r.Next(4);
        for (int i = 0; i < Layers; i++) x = Layer(x);
        _b.Output(x);
    }

    public ModelGraph Graph => _b.Graph;

    public int Axis => _axis;

    public int Length { get; }

    public int Layers { get; }

    public Shape Input { get; }

    public List<string> Description { get; } = [];

    private Value Layer(Value x) => _r.Next(15) switch
    {
        0 or 1 or 2 or 3 => Conv(x, 1 + _r.Next(3), null),
        4 => Pool(x, "MaxPool", false),
        5 => Pool(x, "AveragePool", _r.Next(2) == 0),
        6 => Transposed(x),
        7 => Residual(x),
        8 => Branches(x),
        9 => Pointwise(x),
        10 => Padded(x),
        11 => Resized(x),
        12 => Recurrent(x),
        13 => Attention(x),
        _ => Dense(x),
    };

    private Value Weights(params long[] dims) => _b.Constant(Tensor.From(new Shape(dims), TestData.Floats((int)new Shape(dims).Elements, _r.Next())));

    private static long[] Along(int rank, int axis, long other, long own) => [.. Enumerable.Range(2, rank - 2).Select(i => i == axis ? own : other)];

    private Dictionary<string, object> Window(int k, int d, int s, int begin, int end) => new()
    {
        ["kernel_shape"] = Along(_rank, _axis, 1, k),
        ["dilations"] = Along(_rank, _axis, 1, d),
        ["strides"] = Along(_rank, _axis, 1, s),
        ["pads"] = (long[])[.. Along(_rank, _axis, 0, begin), .. Along(_rank, _axis, 0, end)],
    };

    private (int Begin, int End) Pads(int reach, int s) => _r.Next(4) switch
    {
        0 => (0, 0),
        1 => (Math.Max(0, reach - s), 0),
        2 => ((reach - 1) / 2, reach - 1 - (reach - 1) / 2),
        _ => (_r.Next(reach), _r.Next(reach)),
    };

    private Value Conv(Value x, int stride, int? outputs)
    {
        int k = 1 + _r.Next(5), d = 1 + _r.Next(3), reach = (k - 1) * d + 1;
        var (b, e) = outputs is null ? Pads(reach, stride) : (_r.Next(2) == 0 ? reach - 1 : (reach - 1) / 2, -1);
        if (e < 0) e = reach - 1 - b;
        bool depthwise = outputs is null && _r.Next(4) == 0;
        int m = outputs ?? (depthwise ? _channels : new[] { 1, 3, 16, 20 }[_r.Next(4)]);
        var a = Window(k, d, stride, b, e);
        if (depthwise) a["group"] = (long)_channels;
        long[] w = [m, depthwise ? 1 : _channels, .. Along(_rank, _axis, 1, k)];
        Description.Add($"conv {m} k{k} d{d} s{stride} pads {b},{e}{(depthwise ? " depthwise" : "")}");
        _channels = m;
        return _b.Op("Conv", 13, _r.Next(2) == 0 ? [x, Weights(w)] : [x, Weights(w), Weights(m)], a);
    }

    private Value Pool(Value x, string op, bool include)
    {
        int k = 1 + _r.Next(4), s = 1 + _r.Next(3);
        var (b, e) = (_r.Next(k), _r.Next(k));
        var a = Window(k, 1, s, b, e);
        if (op == "MaxPool" && _r.Next(3) == 0) a["ceil_mode"] = 1L;
        a.Remove("dilations");
        if (op == "AveragePool") a["count_include_pad"] = include ? 1L : 0L;
        Description.Add($"{op} k{k} s{s} pads {b},{e}");
        return _b.Op(op, 13, [x], a);
    }

    private Value Transposed(Value x)
    {
        int k = 1 + _r.Next(4), s = 1 + _r.Next(3), d = 1 + _r.Next(2), reach = (k - 1) * d + 1;
        int b = _r.Next(reach), e = _r.Next(Math.Max(1, reach - b)), m = 1 + _r.Next(4);
        var a = Window(k, d, s, b, e);
        long[] w = [_channels, m, .. Along(_rank, _axis, 1, k)];
        Description.Add($"transposed conv {m} k{k} d{d} s{s} pads {b},{e}");
        _channels = m;
        return _b.Op("ConvTranspose", 13, [x, Weights(w), Weights(m)], a);
    }

    private Value Residual(Value x)
    {
        Description.Add("residual");
        return _b.Op("Add", 13, [x, Conv(x, 1, _channels)]);
    }

    private Value Branches(Value x)
    {
        int before = _channels;
        Description.Add("branches");
        var left = Conv(x, 1, 4);
        _channels = before;
        var right = _b.Op("Relu", 13, [Conv(x, 1, 3)]);
        _channels = 7;
        return _b.Op("Concat", 13, [left, right], new() { ["axis"] = 1L });
    }

    private Value Pointwise(Value x)
    {
        Description.Add("scale, shift, softmax over channels");
        var y = _b.Op("Mul", 13, [x, Weights([_channels, .. Along(_rank, _axis, 1, 1)])]);
        return _b.Op("Softmax", 13, [_b.Op("Add", 13, [y, Weights(1)])], new() { ["axis"] = 1L });
    }

    private Value Padded(Value x)
    {
        long begin = _r.Next(-2, 5), end = _r.Next(-2, 5);
        var pads = new long[2 * _rank];
        (pads[_axis], pads[_axis + _rank]) = (begin, end);
        Description.Add($"pad {begin},{end}");
        return _b.Op("Pad", 13, [x, _b.Constant(Tensor.Vector<long>(pads)), _b.Constant(Tensor.Scalar(0.5f))]);
    }

    private Value Dense(Value x)
    {
        Description.Add("dense over channels");
        int[] order = [0, .. Enumerable.Range(2, _rank - 2), 1], back = new int[_rank];
        for (int i = 0; i < _rank; i++) back[order[i]] = i;
        var last = _b.Op("Transpose", 13, [x], new() { ["perm"] = order.Select(i => (long)i).ToArray() });
        int m = 1 + _r.Next(5);
        var y = _b.Op("MatMul", 13, [last, Weights(_channels, m)]);
        _channels = m;
        return _b.Op("Transpose", 13, [y], new() { ["perm"] = back.Select(i => (long)i).ToArray() });
    }
}
