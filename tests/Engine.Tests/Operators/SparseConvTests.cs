using Engine.Cpu;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;
using static Engine.Tests.LinearPlans;

namespace Engine.Tests;

/// <summary>Convolutions in f32 with sparse weights, run entry by entry, against the masked dense ones.</summary>
public unsafe class SparseConvTests
{
    private readonly Random _random = new(11);

    private Tensor F32(double kept, params long[] dims)
    {
        var t = Tensor.Allocate(DType.F32, new Shape(dims));
        foreach (ref float x in t.Span<float>()) x = _random.NextDouble() < kept ? _random.NextSingle() * 2 - 1 : 0;
        return t;
    }

    private WindowDim Dim(int most)
    {
        int kernel = _random.Next(1, 5), stride = _random.Next(1, 4), dilation = _random.Next(1, 3), reach = (kernel - 1) * dilation + 1, pad = _random.Next(0, reach), padEnd = _random.Next(0, reach);
        int input = _random.Next(1, most + 1) + Math.Max(0, reach - pad - padEnd);
        return new(input, (input + pad + padEnd - reach) / stride + 1, kernel, stride, dilation, pad, padEnd);
    }

    [Fact]
    public void Any_window_gives_what_the_definition_does_on_every_tier_and_for_any_threads()
    {
        using var three = new Workers(3);
        bool slow = SpmmF32.Table.SupportedTiers.Count() == 1;
        for (int trial = 0; trial < (slow ? 20 : 150); trial++)
        {
            bool pointwise = trial % 5 == 0, deep = trial % 7 == 1;
            Window3 window = pointwise ? new(WindowDim.One, new(7, 7, 1, 1, 1, 0, 0), new(1 + trial, 1 + trial, 1, 1, 1, 0, 0)) : new(deep ? Dim(4) : WindowDim.One, Dim(15), Dim(20));
            ConvShape s = new(_random.Next(1, 3), _random.Next(1, 12), _random.Next(1, 40), 1, window);
            var conv = new ConvSpmmF32(s);
            Tensor x = F32(1, s.Batch, s.Channels, s.Window.Inputs), w = F32(_random.NextDouble() * 0.7, s.OutChannels, conv.Depth), bias = F32(1, s.OutChannels), plus = F32(1, s.Batch, s.OutChannels, s.Window.Outputs);
            Tensor expected = Tensor.Allocate(DType.F32, plus.Shape), actual = Tensor.Allocate(DType.F32, plus.Shape), work = Tensor.Allocate(DType.F32, new Shape(Math.Max(1, conv.WorkFloats)));
            ConvReference.Run(Workers.Single, s, (float*)x.Pointer, (float*)w.Pointer, (float*)bias.Pointer, (float*)expected.Pointer);
            for (int i = 0; i < expected.Shape.Count; i++) expected.Span<float>()[i] = Math.Max(0, expected.Span<float>()[i] + plus.Span<float>()[i]);
            var packed = Tensor.Allocate(DType.U8, new Shape(SpmmF32.PackedLength(conv.Depth, s.OutChannels, SpmmF32.Records((float*)w.Pointer, conv.Depth, s.OutChannels, 1, conv.Depth))));
            SpmmF32.PackB((float*)w.Pointer, conv.Depth, s.OutChannels, 1, conv.Depth, packed.Pointer);
            var steps = new StoreEpilogue();
            steps.Add((float*)plus.Pointer);
            steps.Add(Activation.Relu);
            foreach (string tier in SpmmF32.Table.SupportedTiers.Where(t => slow || t != "scalar" || trial % 4 == 0))
            {
                byte[]? first = null;
                foreach (var workers in (Workers[])[Workers.Single, three])
                {
                    actual.Span<float>().Fill(float.NaN);
                    work.Span<float>().Fill(float.NaN);
                    conv.Run(SpmmF32.Table[tier], workers, (float*)x.Pointer, packed.Pointer, (float*)bias.Pointer, (float*)actual.Pointer, (float*)work.Pointer, steps);
                    for (int i = 0; i < expected.Shape.Count; i++)
                        Assert.True(Math.Abs(expected.Span<float>()[i] - actual.Span<float>()[i]) <= 1e-6 * (4 + Math.Sqrt(conv.Depth)), $"{tier} {s}: element {i} is {actual.Span<float>()[i]}, expected {expected.Span<float>()[i]}");
                    first ??= actual.Bytes.ToArray();
                    Assert.Equal(first, actual.Bytes.ToArray());
                }
            }
        }
    }

    [Fact]
    public void What_was_pruned_meets_no_activation()
    {
        ConvShape s = new(1, 3, 5, 1, new(WindowDim.One, new(9, 9, 3, 1, 1, 1, 1), new(11, 11, 3, 1, 1, 1, 1)));
        var conv = new ConvSpmmF32(s);
        Tensor x = F32(1, s.Channels, s.Window.Inputs), w = F32(1, s.OutChannels, conv.Depth), y = F32(1, s.OutChannels, s.Window.Outputs), work = F32(1, conv.WorkFloats);
        // The second channel is full of what does not count, and met by the last output alone.
        for (int i = 0; i < s.Window.Inputs; i++) x.Span<float>()[s.Window.Inputs + i] = i % 2 == 0 ? float.NaN : float.PositiveInfinity;
        for (int o = 0; o < s.OutChannels - 1; o++) w.Span<float>().Slice(o * conv.Depth + 9, 9).Clear();
        byte[] packed = new byte[SpmmF32.PackedLength(conv.Depth, s.OutChannels, SpmmF32.Records((float*)w.Pointer, conv.Depth, s.OutChannels, 1, conv.Depth))];
        fixed (byte* p = packed)
        {
            SpmmF32.PackB((float*)w.Pointer, conv.Depth, s.OutChannels, 1, conv.Depth, p);
            conv.Run(SpmmF32.Table.Best, Workers.Single, (float*)x.Pointer, p, null, (float*)y.Pointer, (float*)work.Pointer, default);
        }
        for (int i = 0; i < y.Shape.Count; i++) Assert.Equal(i / s.Window.Outputs != s.OutChannels - 1, float.IsFinite(y.Span<float>()[i]));
    }

    // Two convolutions, the second one's sum with what came before it, and a ReLU.
    private (ModelGraph Graph, Tensor Input) Network(Func<Tensor, Weight> form, double kept, int size)
    {
        const int channels = 64;
        var g = new ModelGraph("g");
        var x = new Value("x", new DeclaredType.Tensor(DType.F32, [.. ((int[])[1, channels, size, size]).Select(d => new Dim(d))]));
        g.Inputs.Add(x);
        Value Node(string type, Dictionary<string, object> attributes, params Value[] inputs)
        {
            var y = new Value($"{type} {g.Nodes.Count}");
            g.Nodes.Add(new Node(y.Name, OperatorRegistry.Standard.Create("", type, new Attributes(14, attributes) { InputCount = inputs.Length }, y.Name), inputs, [y]));
            return y;
        }
        Value Conv(Value v, int kernel) => Node("Conv", new() { ["pads"] = Enumerable.Repeat((long)(kernel / 2), 4).ToArray() }, v, new Value($"w{kernel}") { Constant = form(F32(kept, channels, channels, kernel, kernel)) }, Value.Of($"b{kernel}", F32(1, channels)));
        var a = Node("Relu", [], Conv(x, 1));
        g.Outputs.Add(Node("Relu", [], Node("Add", [], Conv(a, 3), a)));
        return (g, F32(1, 1, channels, size, size));
    }

    [Theory]
    [InlineData("csr", 28)]
    [InlineData("csr", 9)]
    [InlineData("plain 1:4", 17)]
    [InlineData("1:4", 17)]
    [InlineData("flattened", 9)]
    public void A_plan_meets_entries_one_by_one(string how, int size)
    {
        Weight Form(Tensor w)
        {
            if (how == "csr") return SparseCsr.From(new Dense(w));
            int taps = (int)w.Shape.Product(2, w.Shape.Rank), channels = (int)w.Shape[1];
            var v = w.Span<float>();
            for (int i = 0; i < v.Length; i++)
                if ((how == "flattened" ? i : i / taps) % 4 != i / (channels * taps) % 4) v[i] = 0;
            return how switch { "1:4" => SparseNM.From(new Dense(w), 1, 4, taps), "flattened" => SparseNM.From(new Dense(w), 1, 4), _ => new Dense(w) };
        }
        var (graph, x) = Network(Form, how == "csr" ? 0.06 : 1, size);
        var expected = (Tensor)new Interpreter(CpuKernels.Standard).Run(graph, [x])[0];
        var (steps, actual) = Steps(graph, x, 1);
        AssertEx.Close(expected, actual, 1e-4);
        Assert.Equal(actual.Bytes.ToArray(), Plan(graph, x, 3).Y.Bytes.ToArray());
        if (SpmmF32.Table.Tier == "scalar") return;
        // 1:4 is close to Winograd's method.
        if (how == "csr") Assert.Equal(["conv-spmm-f32", "conv-spmm-f32"], steps.Select(s => s.Stem));
        else Assert.Contains("conv-spmm-f32", steps.Select(s => s.Stem));
    }

    [Fact]
    public void A_plan_says_why_it_decodes()
    {
        // Half of the entries is more than Winograd's method multiplies.
        var (graph, x) = Network(w => SparseCsr.From(new Dense(w)), 1, 12);
        Assert.All(Steps(graph, x, 1).Steps.Where(s => s.Stem.StartsWith("conv", StringComparison.Ordinal)), s => Assert.Equal("conv-spmm-f32: dense estimated faster", s.FormNotTaken));
    }
}
