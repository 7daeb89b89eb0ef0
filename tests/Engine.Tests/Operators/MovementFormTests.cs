using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Old attribute forms, rare types and inputs that do not fit.</summary>
public class MovementFormTests
{
    private static Tensor Ramp(params long[] dims) => Naive.Ramp(new Shape(dims));

    private static Tensor Ints(params long[] values) => Tensor.Vector<long>(values);

    [Fact]
    public void Concat_of_opset_1_joins_along_axis_1() => Assert.Equal(new Shape(2, 7), OpRunner.One("Concat", 1, [Ramp(2, 3), Ramp(2, 4)]).Shape);

    [Fact]
    public void Slice_of_opset_1_reads_attributes()
    {
        var y = OpRunner.One("Slice", 1, [Ramp(4, 5)], new() { ["starts"] = new long[] { 1, -2 }, ["ends"] = new long[] { 3, 1000 }, ["axes"] = new long[] { 0, 1 } });
        Assert.Equal([8, 9, 13, 14], y.Span<float>().ToArray());
    }

    [Fact]
    public void Tile_of_opset_1_repeats_one_axis()
    {
        var y = OpRunner.One("Tile", 1, [Ramp(2, 2), Tensor.Scalar(2f), Tensor.Scalar(1f)]);
        Assert.Equal([0, 1, 0, 1, 2, 3, 2, 3], y.Span<float>().ToArray());
    }

    [Fact]
    public void Pad_of_opsets_1_and_2_reads_attributes()
    {
        var y = OpRunner.One("Pad", 1, [Ramp(2)], new() { ["paddings"] = new long[] { 1, 2 }, ["value"] = 9f });
        Assert.Equal([9, 0, 1, 9, 9], y.Span<float>().ToArray());
        var z = OpRunner.One("Pad", 2, [Tensor.Vector((Half)1, (Half)2)], new() { ["pads"] = new long[] { 1, -1 }, ["value"] = 0.5f });
        Assert.Equal([(Half)0.5f, (Half)1], z.Span<Half>().ToArray());
    }

    [Fact]
    public void Pad_of_opset_18_pads_the_axes_it_names()
    {
        var y = OpRunner.One("Pad", 18, [Ramp(2, 2), Ints(1, 0), null, Ints(-1)]);
        Assert.Equal([0, 0, 1, 0, 2, 3], y.Span<float>().ToArray());
    }

    [Theory]
    [InlineData(1, "k")]
    [InlineData(10, null)]
    public void TopK_before_opset_11_takes_the_greatest(int opset, string? attribute)
    {
        var x = Tensor.Vector(3f, 1, 3, 2);
        var r = OpRunner.Run("TopK", opset, attribute is null ? [x, Ints(3)] : [x], attribute is null ? null : new() { ["k"] = 3L }, 2);
        Assert.Equal([3, 3, 2], ((Tensor)r[0]!).Span<float>().ToArray());
        Assert.Equal([0, 2, 3], ((Tensor)r[1]!).Span<long>().ToArray());
    }

    [Fact]
    public void TopK_runs_f16_and_integers()
    {
        var h = OpRunner.Run("TopK", 11, [Tensor.Vector((Half)1, (Half)3, (Half)2), Ints(2)], null, 2);
        Assert.Equal([(Half)3, (Half)2], ((Tensor)h[0]!).Span<Half>().ToArray());
        var i = OpRunner.Run("TopK", 11, [Tensor.Vector<long>(5, long.MinValue, long.MaxValue), Ints(1)], new() { ["largest"] = 0L }, 2);
        Assert.Equal([1], ((Tensor)i[1]!).Span<long>().ToArray());
    }

    [Fact]
    public void Split_takes_its_lengths_from_attribute_input_or_count()
    {
        static long[] Lengths(int opset, Dictionary<string, object>? a, int outputs, params RuntimeValue?[] more) =>
            [.. OpRunner.Run("Split", opset, [Ramp(7), .. more], a, outputs).Select(t => ((Tensor)t!).Shape[0])];
        Assert.Equal([3, 4], Lengths(2, new() { ["split"] = new long[] { 3, 4 } }, 2));
        Assert.Equal([0, 7], Lengths(13, null, 2, Ints(0, 7)));
        Assert.Equal([3, 3, 1], Lengths(18, new() { ["num_outputs"] = 3L }, 3));
        Assert.Throws<OperatorException>(() => Lengths(13, null, 2));
    }

    [Fact]
    public void Squeeze_and_unsqueeze_name_axes_by_attribute_or_input()
    {
        Assert.Equal(new Shape(3), OpRunner.One("Squeeze", 1, [Ramp(1, 3, 1)]).Shape);
        Assert.Equal(new Shape(1, 3), OpRunner.One("Squeeze", 11, [Ramp(1, 3, 1)], new() { ["axes"] = new long[] { -1 } }).Shape);
        Assert.Equal(new Shape(3, 1), OpRunner.One("Squeeze", 13, [Ramp(1, 3, 1), Ints(0)]).Shape);
        Assert.Equal(new Shape(1, 3, 1), OpRunner.One("Unsqueeze", 1, [Ramp(3)], new() { ["axes"] = new long[] { 0, 2 } }).Shape);
        Assert.Equal(new Shape(1, 3, 1), OpRunner.One("Unsqueeze", 13, [Ramp(3), Ints(-1, 0)]).Shape);
    }

    [Fact]
    public void CenterCropPad_puts_the_odd_element_last()
    {
        Assert.Equal([1, 2, 3], OpRunner.One("CenterCropPad", 18, [Ramp(6), Ints(3)]).Span<float>().ToArray());
        Assert.Equal([0, 0, 1, 2, 0, 0], OpRunner.One("CenterCropPad", 18, [Ramp(3), Ints(6)]).Span<float>().ToArray());
        Assert.Equal([1, 4], OpRunner.One("CenterCropPad", 18, [Ramp(2, 3), Ints(1)], new() { ["axes"] = new long[] { -1 } }).Span<float>().ToArray());
    }

    [Fact]
    public void Range_counts_in_every_type()
    {
        Assert.Equal([5, 3, 1], OpRunner.One("Range", 11, [Tensor.Scalar<short>(5), Tensor.Scalar<short>(0), Tensor.Scalar<short>(-2)]).Span<short>().ToArray());
        Assert.Equal([(Half)0, (Half)0.5f], OpRunner.One("Range", 11, [Tensor.Scalar((Half)0), Tensor.Scalar((Half)1), Tensor.Scalar((Half)0.5f)]).Span<Half>().ToArray());
        Assert.Equal(0, OpRunner.One("Range", 11, [Tensor.Scalar(long.MaxValue), Tensor.Scalar(long.MinValue), Tensor.Scalar(1L)]).Shape[0]);
    }

    [Fact]
    public void OneHot_wraps_negative_indices_and_leaves_out_others()
    {
        var y = OpRunner.One("OneHot", 11, [Tensor.Vector(-1f, 0, 3, float.NaN), Tensor.Scalar(3f), Tensor.Vector<byte>(2, 5)]);
        Assert.Equal([2, 2, 5, 5, 2, 2, 2, 2, 2, 2, 2, 2], y.Span<byte>().ToArray());
    }

    [Fact]
    public void Strings_and_nibbles_move()
    {
        var s = new Tensor(new Shape(2, 2), ["a", "b", "c", "d"]);
        Assert.Equal(["c", "d", "a", "b"], OpRunner.One("Gather", 13, [s, Ints(1, 0)]).Strings);
        Assert.Equal(["", "a", "b", "", "c", "d"], OpRunner.One("Pad", 18, [s, Ints(0, 1, 0, 0)]).Strings);
        Assert.Equal(["b", "d"], OpRunner.One("Compress", 11, [s, Tensor.Vector(false, true)], new() { ["axis"] = 1L }).Strings);
        Assert.Equal(["a", "b"], OpRunner.One("Unique", 11, [new Tensor(new Shape(3), ["b", "a", "b"])]).Strings);
        var n = Tensor.Allocate(DType.U4, new Shape(3));
        n.Bytes[0] = 0x21;
        n.Bytes[1] = 0x03;
        Assert.Equal([0x21, 0x13, 0x32], OpRunner.One("Concat", 21, [n, n], new() { ["axis"] = 0L }).Bytes.ToArray());
        Assert.Equal([0x23, 0x01], OpRunner.One("Slice", 21, [n, Ints(-1), Ints(-9), Ints(0), Ints(-1)]).Bytes.ToArray());
    }

    [Fact]
    public void Strings_are_no_indices_and_no_dimensions()
    {
        var (x, words) = (Ints(1000, 2000), new Tensor(new Shape(1), ["a"]));
        Assert.ThrowsAny<EngineException>(() => OpRunner.Run("Gather", 13, [x, words]));
        Assert.ThrowsAny<EngineException>(() => OpRunner.Run("Expand", 13, [x, words]));
        Assert.ThrowsAny<EngineException>(() => OpRunner.Run("Reshape", 13, [x, words]));
        Assert.ThrowsAny<EngineException>(() => OpRunner.Run("ConstantOfShape", 13, [words], new() { ["value"] = x.Reshape(new Shape(2)) }));
        Assert.ThrowsAny<EngineException>(() => OpRunner.Run("OneHot", 11, [words, Ints(3), x]));
    }

    [Theory]
    [InlineData(-9223372036854775808L, 0)]
    [InlineData(-2, 1)]
    [InlineData(0, 3)]
    [InlineData(2, 2)]
    [InlineData(9223372036854775807L, 0)]
    public void EyeLike_and_trilu_take_any_diagonal(long k, int ones)
    {
        Assert.Equal(ones, OpRunner.One("EyeLike", 9, [Ramp(3, 4)], new() { ["k"] = k }).Span<float>().ToArray().Sum());
        var x = Naive.Ramp(new Shape(2, 3, 4));
        foreach (long upper in (long[])[0, 1])
            Assert.Equal(Naive.Build(x.Shape, c => (upper == 1 ? c[2] >= (Int128)c[1] + k : c[2] <= (Int128)c[1] + k) ? x.At<float>(c) : 0),
                OpRunner.One("Trilu", 14, [x, Tensor.Scalar(k)], new() { ["upper"] = upper }).Span<float>().ToArray());
    }

    public static TheoryData<string, int, string> Unfit => new()
    {
        { "Concat", 13, "axis=5" }, { "Concat", 13, "axis=0" }, { "Gather", 13, "axis=0" }, { "Gather", 13, "axis=-3" }, { "Gather", 13, "axis=1" },
        { "GatherElements", 13, "axis=0" }, { "GatherND", 13, "batch_dims=2" }, { "GatherND", 13, "" }, { "Flatten", 13, "axis=4" },
        { "Squeeze", 1, "axes=0" }, { "Unsqueeze", 1, "axes=0,0" }, { "Unsqueeze", 1, "" }, { "Split", 18, "num_outputs=0" }, { "Split", 13, "axis=9" },
        { "Transpose", 13, "perm=0,0" }, { "DepthToSpace", 13, "blocksize=2" }, { "DepthToSpace", 13, "blocksize=0" }, { "SpaceToDepth", 13, "blocksize=-1" },
        { "TopK", 1, "k=7" }, { "TopK", 1, "k=-1" }, { "TopK", 1, "k=1;axis=2" }, { "Trilu", 14, "" }, { "ReverseSequence", 10, "time_axis=2" }, { "ReverseSequence", 10, "" },
        { "Compress", 11, "axis=0" }, { "Pad", 2, "pads=0,0" }, { "Pad", 2, "pads=-3,0,0,0" }, { "Pad", 2, "" }, { "Slice", 1, "starts=0;ends=1;axes=2" }, { "Slice", 1, "starts=0,0;ends=1" },
        { "Unique", 11, "axis=-3" }, { "Range", 11, "" }, { "Expand", 13, "" }, { "Tile", 13, "" }, { "Reshape", 13, "" }, { "ConstantOfShape", 9, "" }, { "OneHot", 11, "" },
        { "ScatterElements", 18, "axis=1" }, { "ScatterElements", 18, "reduction=1" }, { "ScatterND", 18, "" }, { "CenterCropPad", 18, "" }, { "EyeLike", 9, "dtype=8" },
    };

    [Theory, MemberData(nameof(Unfit))]
    public void What_does_not_fit_is_a_typed_error(string op, int opset, string attributes)
    {
        var a = new Dictionary<string, object>();
        foreach (string pair in attributes.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, text) = (pair.Split('=')[0], pair.Split('=')[1]);
            var values = text.Split(',').Select(long.Parse).ToArray();
            a[name] = name is "perm" or "axes" or "pads" or "starts" or "ends" ? values : values[0];
        }
        Assert.ThrowsAny<EngineException>(() => OpRunner.Run(op, opset, [Ramp(2, 3), Ints(2, -3), Ints(1, 1, 1, 1, 1, 1, 1)], a, 2));
    }

    [Fact]
    public void Indices_out_of_range_are_typed_errors()
    {
        foreach (long bad in (long[])[2, -3, long.MinValue, long.MaxValue])
        {
            Assert.Throws<OperatorException>(() => OpRunner.One("Gather", 13, [Ramp(2, 3), Ints(bad)]));
            Assert.Throws<OperatorException>(() => OpRunner.One("GatherElements", 13, [Ramp(2), Ints(bad)]));
            Assert.Throws<OperatorException>(() => OpRunner.One("GatherND", 13, [Ramp(2, 3), Ints(bad)]));
            Assert.Throws<OperatorException>(() => OpRunner.One("ScatterElements", 13, [Ramp(2), Ints(bad), Ramp(1)]));
            Assert.Throws<OperatorException>(() => OpRunner.One("ScatterND", 13, [Ramp(2), Tensor.From(new Shape(1, 1), new[] { bad }), Ramp(1)]));
            if (bad != 2) Assert.Throws<OperatorException>(() => OpRunner.One("ReverseSequence", 10, [Ramp(2, 2), Ints(0, bad)]));
        }
    }

    [Fact]
    public void Empty_tensors_pass()
    {
        var none = Ramp(0, 3);
        Assert.Equal(new Shape(0, 3), OpRunner.One("Concat", 13, [none, none], new() { ["axis"] = 0L }).Shape);
        Assert.Equal(new Shape(2, 0, 3), OpRunner.One("Expand", 13, [none, Ints(2, 1, 1)]).Shape);
        Assert.Equal(new Shape(0), OpRunner.One("Gather", 13, [Ramp(0), Tensor.From(new Shape(0), Array.Empty<long>())]).Shape);
        Assert.Equal([7, 7], OpRunner.One("Pad", 13, [Ramp(0), Ints(1, 1), Tensor.Scalar(7f)]).Span<float>().ToArray());
        Assert.Equal(new Shape(2, 0), OpRunner.One("NonZero", 13, [none]).Shape);
        Assert.Equal(new Shape(0, 0), OpRunner.One("TopK", 11, [none, Ints(0)]).Shape);
        Assert.Equal(new Shape(0), OpRunner.One("Unique", 11, [none]).Shape);
        Assert.Equal(new Shape(0, 3), OpRunner.One("ScatterND", 16, [none, Tensor.From(new Shape(0, 1), Array.Empty<long>()), none]).Shape);
    }
}
