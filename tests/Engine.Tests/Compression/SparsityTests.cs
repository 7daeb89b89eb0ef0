using Engine.Compression;
using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests.Compression;

/// <summary>Which weights become zero, what makes up for them, and the forms that keep the rest.</summary>
public sealed class SparsityTests
{
    private static readonly string[] s_forms = ["1:2", "1:4", "2:4", "3:4", "2:8", "4:8", "4:16"];

    public static TheoryData<string, string> Layers
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string f in s_forms)
                foreach (string l in (string[])["conv", "grouped", "product"]) data.Add(f, l);
            return data;
        }
    }

    private static Layer Make(string kind, int seed)
    {
        var (op, shape, attributes) = kind switch
        {
            "conv" => ("Conv", new Shape(10, 22, 3, 3), new Attributes(13) { InputCount = 2 }),
            "grouped" => ("Conv", new Shape(12, 20, 3, 1), new Attributes(13, new Dictionary<string, object> { ["group"] = 2L }) { InputCount = 2 }),
            _ => ("MatMul", new Shape(45, 9), new Attributes(13) { InputCount = 2 }),
        };
        var w = Tensor.From(shape, TestData.Floats(shape.Count, seed));
        return new("layer", op == "Conv" ? LayerKind.Conv : LayerKind.MatMul, new Node("layer", OperatorRegistry.Standard.Create("", op, attributes, "layer"), [new Value("x"), Value.Of("w", w)], [new Value("y")]), 1, w);
    }

    private static float[] Largest(Layer layer, Sparsity s) => SparsityMask.Apply(SparsityMask.Of(layer, s, SparsityMask.Magnitudes(layer.Matrix())), layer.Matrix());

    private static Gptq Solver(Layer layer, Workers workers, bool order = true) =>
        new(layer.Matrix(), layer.Rows, layer.Columns, [.. Enumerable.Range(0, layer.Parts).Select(p => Products.Gram(TestData.Correlated(500, layer.Columns, 6 + p), 500, layer.Columns, Workers.Single))], new GptqOptions(order), workers);

    private static void AssertLegal(Layer layer, Sparsity s, float[] pruned, bool full)
    {
        int channels = layer.Columns / layer.Taps;
        for (int r = 0; r < layer.Rows; r++)
            for (int t = 0; t < layer.Taps; t++)
                for (int c = 0; c < channels; c += s.M)
                {
                    int group = Math.Min(s.M, channels - c), kept = Enumerable.Range(c, group).Count(i => pruned[(r * layer.Columns) + (i * layer.Taps) + t] != 0);
                    Assert.InRange(kept, full ? Math.Min(group, s.N) : 0, Math.Min(group, s.N));
                }
    }

    [Theory, MemberData(nameof(Layers))]
    public void Masks_are_legal_and_zeros_are_made_up_for(string form, string kind)
    {
        var layer = Make(kind, 3);
        var s = Scheme.Parse(form).Sparsity!;
        float[] w = layer.Matrix(), largest = Largest(layer, s);
        AssertLegal(layer, s, largest, full: true);
        double Error(float[] pruned) => OutputError.Of(OutputError.Outputs(w, pruned, layer.Rows, layer.Columns, layer.Parts, p => TestData.Correlated(500, layer.Columns, 6 + p), null, Workers.Single)).RelativeRmse;
        foreach (bool order in (bool[])[false, true])
        {
            var solver = Solver(layer, Workers.Single, order);
            float[] pruned = solver.Prune(s, layer.Taps, largest);
            AssertLegal(layer, s, pruned, full: true);
            Assert.True(Error(pruned) < 0.8 * Error(largest), $"act-order {order}: {Error(pruned)} against {Error(largest)}");
            var scheme = Scheme.Parse($"{form}+int4-channel");
            var coded = solver.PruneAndRound(s, layer.Taps, pruned, layer.Groups(scheme), scheme).Decode();
            AssertLegal(layer, s, coded, full: false);
            double nearest = Error(RoundToNearest.Run(largest, layer.Rows, layer.Columns, layer.Groups(scheme), scheme, [], true, Workers.Single).Decode());
            Assert.True(Error(coded) < nearest, $"act-order {order}, codes: {Error(coded)} against {nearest}");
        }
    }

    [Theory]
    [InlineData("sparse:0.7", "conv")]
    [InlineData("sparse:0.5", "product")]
    [InlineData("sparse:0.6", "grouped")]
    [InlineData("sparse:0.5x8x4", "product")]
    public void Zeros_anywhere_are_as_many_as_asked_for(string form, string kind)
    {
        var layer = Make(kind, 4);
        var s = Scheme.Parse(form).Sparsity!;
        float[] w = layer.Matrix(), largest = Largest(layer, s);
        var solver = Solver(layer, Workers.Single);
        float[] pruned = solver.Prune(SparsityMask.Of(layer, s, solver.Losses()), adapts: !s.IsBlocks);
        foreach (float[] values in (float[][])[largest, pruned])
        {
            if (!s.IsBlocks) Assert.Equal((int)Math.Round(w.Length * (1 - s.Zeros)), values.Count(v => v != 0));
            else Assert.InRange(SparseBlocks.From(new Dense(Tensor.From(new Shape(layer.Rows, layer.Columns), values)), s.Height, s.Width).BlockColumns.Shape.Count, 1, 12);
        }
        if (!s.IsBlocks) Assert.True(largest.Where(v => v != 0).Min(Math.Abs) >= w.Zip(largest).Where(p => p.Second == 0).Max(p => Math.Abs(p.First)));
        double Error(float[] y) => OutputError.Of(OutputError.Outputs(w, y, layer.Rows, layer.Columns, layer.Parts, p => TestData.Correlated(500, layer.Columns, 6 + p), null, Workers.Single)).RelativeRmse;
        Assert.True(Error(pruned) < (s.IsBlocks ? 0.9 : 0.8) * Error(largest), $"{Error(pruned)} against {Error(largest)}");
        if (s.IsBlocks) return;
        double given = Error(solver.Prune(SparsityMask.Of(layer, s, solver.Losses()), adapts: false));
        Assert.True(Error(pruned) < given, $"{Error(pruned)} against {given} with a mask given beforehand");
    }

    [Fact]
    public void Of_equal_scores_the_earlier_stay()
    {
        bool[] kept = new bool[6];
        SparsityMask.Largest([1, 3, 1, 3, 1, 0], 3, kept);
        Assert.Equal([true, true, false, true, false, false], kept);
        var w = Tensor.From(new Shape(4, 6), [.. Enumerable.Repeat(0.5f, 24)]);
        var node = new Node("g", OperatorRegistry.Standard.Create("", "Gemm", new Attributes(13, new Dictionary<string, object> { ["transB"] = 1L }) { InputCount = 2 }, "g"), [new Value("x"), Value.Of("w", w)], [new Value("y")]);
        Assert.Equal([.. Enumerable.Repeat(true, 6), .. Enumerable.Repeat(false, 18)], SparsityMask.Of(new Layer("g", LayerKind.Gemm, node, 1, w), new Sparsity(0.75), w.Span<float>().ToArray()));
    }

    [Fact]
    public void The_loss_of_a_weight_is_what_the_others_cannot_make_up_for()
    {
        // [H⁻¹]ⱼⱼ of [[2, 1], [1, 2]] is 2/3.
        var losses = new Gptq([1, 2, 0, -1], 2, 2, [[2, 1, 1, 2]], new GptqOptions(Dampening: 1e-6), Workers.Single).Losses();
        foreach (var (expected, actual) in ((float[])[1.5f, 6, 0, 1.5f]).Zip(losses)) Assert.Equal(expected, actual, 1e-4f);
    }

    [Fact]
    public void Threads_and_inputs_without_meaning_change_nothing()
    {
        var layer = Make("conv", 5);
        var s = Sparsity.Of(2, 4);
        using var workers = new Workers(3);
        float[] largest = Largest(layer, s);
        Assert.Equal(Solver(layer, Workers.Single).Prune(s, layer.Taps, largest), Solver(layer, workers).Prune(s, layer.Taps, largest));
        Assert.Equal(largest, new Gptq(layer.Matrix(), layer.Rows, layer.Columns, [new float[layer.Columns * layer.Columns]], new(), workers).Prune(s, layer.Taps, largest));
    }

    [Fact]
    public void Layers_of_few_channels_stay_dense()
    {
        var layer = Make("conv", 6);
        Assert.True(Sparsity.Of(2, 4).Fits(layer));
        var filters = Tensor.From(new Shape(8, 1, 3, 3), TestData.Floats(72, 7));
        var node = new Node("dw", OperatorRegistry.Standard.Create("", "Conv", new Attributes(13, new Dictionary<string, object> { ["group"] = 8L }) { InputCount = 2 }, "dw"), [new Value("x"), Value.Of("w", filters)], [new Value("y")]);
        var depthwise = new Layer("dw", LayerKind.Conv, node, 1, filters);
        Assert.All(s_forms.Append("sparse:0.5"), f => Assert.False(Scheme.Parse(f).Sparsity!.Fits(depthwise)));
    }

    [Theory]
    [InlineData("2:4", "conv")]
    [InlineData("4:8+int8", "conv")]
    [InlineData("2:4+int4-g8", "grouped")]
    [InlineData("2:4+int4-g16", "conv")]
    [InlineData("1:4+int3", "product")]
    [InlineData("4:16+int8", "product")]
    [InlineData("1:4+ternary", "product")]
    [InlineData("sparse:0.9", "conv")]
    [InlineData("sparse:0.9", "product")]
    [InlineData("sparse:0.8x8x4", "product")]
    [InlineData("sparse:0.8x3x5", "conv")]
    public void Sparse_forms_decode_to_the_masked_weight_and_take_less(string text, string kind)
    {
        var layer = Make(kind, 8);
        var scheme = Scheme.Parse(text);
        float[] pruned = Largest(layer, scheme.Sparsity!);
        var coded = scheme.Kind == CodeKind.Float ? null : RoundToNearest.Run(pruned, layer.Rows, layer.Columns, layer.Groups(scheme), scheme, [], true, Workers.Single);
        Weight sparse = WeightForm.Of(layer, scheme, coded, pruned, sparseForms: true), whole = WeightForm.Of(layer, scheme, coded, pruned, sparseForms: false);
        Assert.StartsWith("Sparse(", sparse.Describe(), StringComparison.Ordinal);
        Assert.True(sparse.StoredBytes < whole.StoredBytes);
        // Rows first, as kernels read products; +0 stands where a code of zero may stand for −0.
        float[] values = coded?.Decode() ?? pruned;
        Assert.Equal(values, sparse.ToF32().Span<float>().ToArray());
        Assert.Equal(values, kind == "product" && whole.Shape[0] != layer.Rows ? whole.ToF32().Transposed().Span<float>().ToArray() : whole.ToF32().Span<float>().ToArray());
        if (sparse is SparseNM { Values: Quantized } nm)
        {
            var back = nm.ToQuantized()!;
            Assert.Equal(values, back.ToF32().Span<float>().ToArray());
            Assert.Equal(sparse.ToF32().Bytes.ToArray(), SparseNM.From(back, nm.N, nm.M, nm.Taps).ToF32().Bytes.ToArray());
        }
    }
}
