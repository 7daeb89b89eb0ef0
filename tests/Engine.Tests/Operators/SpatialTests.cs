using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Forms that the conformance cases leave out; expected values were computed with PyTorch.</summary>
public class SpatialTests
{
    private static Tensor Counting(params long[] dims)
    {
        var shape = new Shape(dims);
        return Tensor.From(shape, Enumerable.Range(0, shape.Count).Select(i => (float)i).ToArray());
    }

    private static Tensor F(float[] values, params long[] dims) => Tensor.From(new Shape(dims), values);

    private static void Check(float[] expected, Tensor actual, float tolerance = 1e-4f)
    {
        var y = actual.Span<float>();
        Assert.Equal(expected.Length, y.Length);
        for (int i = 0; i < y.Length; i++) Assert.Equal(expected[i], y[i], tolerance);
    }

    [Theory]
    [InlineData(1, new[] { 1.555556f, 3.333333f, 4.666667f, 2.666667f, 8.333333f, 14, 16, 8.5f, 16.333334f, 26, 28, 14.5f, 10.166667f, 16, 17, 8.75f })]
    [InlineData(0, new[] { 3.5f, 5, 7, 8, 12.5f, 14, 16, 17, 24.5f, 26, 28, 29, 30.5f, 32, 34, 35 })]
    public void AveragePool_divides_by_what_lies_inside_when_it_rounds_up(int countPad, float[] expected) =>
        Check(expected, OpRunner.One("AveragePool", 19, [Counting(1, 1, 6, 6)], new() { ["kernel_shape"] = new long[] { 3, 3 }, ["strides"] = new long[] { 2, 2 }, ["pads"] = new long[] { 1, 1, 1, 1 }, ["ceil_mode"] = 1L, ["count_include_pad"] = (long)countPad }));

    [Fact]
    public void ConvTranspose_with_groups_dilation_and_output_padding()
    {
        var x = Counting(1, 1, 4, 4).Span<float>().ToArray();
        var w = Enumerable.Range(0, 36).Select(i => i / 10f).ToArray();
        var y = OpRunner.One("ConvTranspose", 11, [F([.. x, .. x], 1, 2, 4, 4), F(w, 2, 2, 3, 3)],
            new() { ["strides"] = new long[] { 2, 2 }, ["pads"] = new long[] { 1, 1, 1, 1 }, ["output_padding"] = new long[] { 1, 1 }, ["group"] = 2L, ["dilations"] = new long[] { 2, 2 } });
        Assert.Equal(new Shape(1, 4, 10, 10), y.Shape);
        var sums = y.Span<float>().ToArray().Chunk(100).Select(c => c.Sum()).ToArray();
        float[] expected = [408.6f, 1299.6f, 2190.6f, 3081.6f];
        for (int i = 0; i < 4; i++) Assert.Equal(expected[i], sums[i], 0.01f);
    }

    [Theory]
    [InlineData("zeros", 0, new[] { 14.1f, 1.3f })]
    [InlineData("zeros", 1, new[] { 12.65f, 11.62f })]
    [InlineData("border", 0, new[] { 14.1f, 20 })]
    [InlineData("border", 1, new[] { 12.65f, 16.6f })]
    [InlineData("reflection", 0, new[] { 14.1f, 20 })]
    [InlineData("reflection", 1, new[] { 12.65f, 16.9f })]
    public void GridSample_of_volumes(string padding, int align, float[] expected) =>
        Check(expected, OpRunner.One("GridSample", 20, [Counting(1, 1, 2, 3, 4), F([0.1f, -0.2f, 0.3f, -1.2f, 0.9f, 0.5f], 1, 1, 1, 2, 3)], new() { ["padding_mode"] = padding, ["align_corners"] = (long)align }));

    [Fact]
    public void GridSample_cubic_with_reflection_and_nearest_with_border()
    {
        var grid = F([0.1f, -0.2f, -1.2f, 0.9f, 0.97f, 0], 1, 1, 3, 2);
        Check([6.202003f, 12.562502f, 9.1848f], OpRunner.One("GridSample", 16, [Counting(1, 1, 4, 4), grid], new() { ["mode"] = "bicubic", ["padding_mode"] = "reflection" }));
        Check([6, 12, 11], OpRunner.One("GridSample", 16, [Counting(1, 1, 4, 4), grid], new() { ["mode"] = "nearest", ["padding_mode"] = "border", ["align_corners"] = 1L }));
    }

    [Theory]
    [InlineData(0, new[] { -0.183333f, 0.1f, 0.15f, -0.1f, 0.483333f, -0.3f, -0.083333f, 1.1f, 0.25f, 0.9f, 0.583333f, 0.7f })]
    [InlineData(1, new[] { -0.4f, -0.3f, 0.1f, -0.6f, 0.6f, -0.9f, -0.2f, 1.7f, 0.3f, 1.4f, 0.8f, 1.1f })]
    public void AffineGrid_moves_pixel_centres(int align, float[] expected) =>
        Check(expected, OpRunner.One("AffineGrid", 20, [F([0.5f, 0.1f, 0.2f, -0.3f, 1, 0.4f], 1, 2, 3), Tensor.Vector<long>(1, 1, 2, 3)], new() { ["align_corners"] = (long)align }));

    [Fact]
    public void Col2Im_sums_overlapping_blocks() =>
        Check([0, 5, 5, 10, 30, 20, 10, 25, 15], OpRunner.One("Col2Im", 18, [Counting(1, 4, 4), Tensor.Vector<long>(3, 3), Tensor.Vector<long>(2, 2)]));

    [Fact]
    public void GroupNormalization_scales_by_channel_from_opset_21_and_by_group_before()
    {
        var x = F([1, 2, 3, 4, 5, 6, 7, 8], 1, 4, 2);
        Dictionary<string, object> groups = new() { ["num_groups"] = 2L };
        Check([-1.241636f, -0.347212f, 1.094423f, 2.883271f, -3.724907f, -1.041636f, 2.188848f, 5.766542f], OpRunner.One("GroupNormalization", 21, [x, F([1, 2, 3, 4], 4), F([.1f, .2f, .3f, .4f], 4)], groups));
        Check([-1.341636f, -0.447212f, 0.447212f, 1.341636f, -2.683271f, -0.894424f, 0.894424f, 2.683271f], OpRunner.One("GroupNormalization", 18, [x, F([1, 2], 2), F([0, 0], 2)], groups));
    }

    [Fact]
    public void RmsNormalization_divides_by_the_root_mean_square()
    {
        float a = MathF.Sqrt(14f / 3 + 1e-5f), b = MathF.Sqrt(77f / 3 + 1e-5f);
        Check([1 / a, 4 / a, 9 / a, 4 / b, 10 / b, 18 / b], OpRunner.One("RMSNormalization", 23, [F([1, 2, 3, 4, 5, 6], 2, 3), F([1, 2, 3], 3)]));
    }

    [Fact]
    public void LayerNormalization_broadcasts_scale_and_gives_statistics()
    {
        var r = OpRunner.Run("LayerNormalization", 17, [F([1, 3, 5, 9], 2, 2), F([2], 1), F([1, -1], 2, 1)], new() { ["epsilon"] = 0f }, 3);
        Check([-1, 3, -3, 1], (Tensor)r[0]!);
        Check([2, 7], (Tensor)r[1]!);
        Check([1, 0.5f], (Tensor)r[2]!);
    }

    [Fact]
    public void Resize_antialiases_and_aligns_corners()
    {
        var x = Counting(1, 1, 4, 4);
        Check([3.571429f, 5.142858f, 9.857143f, 11.428572f], OpRunner.One("Resize", 18, [x, null, null, Tensor.Vector<long>(2, 2)],
            new() { ["mode"] = "linear", ["antialias"] = 1L, ["axes"] = new long[] { 2, 3 }, ["exclude_outside"] = 1L }));
        Check([0, 1.5f, 3, 12, 13.5f, 15], OpRunner.One("Resize", 18, [x, null, null, Tensor.Vector<long>(1, 1, 2, 3)], new() { ["mode"] = "cubic", ["coordinate_transformation_mode"] = "align_corners" }));
    }

    [Theory]
    [InlineData("not_larger", new long[] { 1, 1, 3, 3 })]
    [InlineData("not_smaller", new long[] { 1, 1, 6, 6 })]
    public void Resize_keeps_the_aspect_ratio(string policy, long[] expected) =>
        Assert.Equal(new Shape(expected), OpRunner.One("Resize", 18, [Counting(1, 1, 4, 4), null, null, Tensor.Vector<long>(3, 6)], new() { ["axes"] = new long[] { 2, 3 }, ["keep_aspect_ratio_policy"] = policy }).Shape);

    [Fact]
    public void Resize_of_opset_10_takes_the_ceiling_when_it_shrinks() =>
        Check([0, 2], OpRunner.One("Resize", 10, [Counting(1, 1, 2, 4), F([1, 1, 0.6f, 0.6f], 4)]));

    [Fact]
    public void MaxPool_counts_indices_in_either_order()
    {
        Dictionary<string, object> a = new() { ["kernel_shape"] = new long[] { 2, 2 }, ["storage_order"] = 1L };
        var r = OpRunner.Run("MaxPool", 12, [Counting(1, 2, 2, 3)], a, 2);
        Check([4, 5, 10, 11], (Tensor)r[0]!);
        Assert.Equal([3, 5, 9, 11], ((Tensor)r[1]!).Span<long>().ToArray());
    }

    [Fact]
    public void MaxRoiPool_takes_maxima_of_bins() =>
        Check([5, 7, 13, 15], OpRunner.One("MaxRoiPool", 1, [Counting(1, 1, 4, 4), F([0, 0, 0, 3, 3], 1, 5)], new() { ["pooled_shape"] = new long[] { 2, 2 } }));

    [Fact]
    public void Half_precision_runs_through_single()
    {
        var x = Tensor.From(new Shape(1, 1, 2, 2), new Half[] { (Half)1, (Half)2, (Half)3, (Half)4 });
        var y = OpRunner.One("Conv", 11, [x, Tensor.From(new Shape(1, 1, 2, 2), new Half[] { (Half)1, (Half)1, (Half)1, (Half)1 })]);
        Assert.Equal([(Half)10], y.Span<Half>().ToArray());
    }

    [Theory]
    [InlineData(0, 3, 4), InlineData(2, 3, 0)]
    public void Empty_tensors_pass(int batch, int channels, int width)
    {
        var x = Tensor.Allocate(DType.F32, new Shape(batch, channels, width));
        Assert.Equal(0, OpRunner.One("Conv", 11, [x, Tensor.Allocate(DType.F32, new Shape(5, channels, 2))]).Shape.Elements);
        Assert.Equal(0, OpRunner.One("MaxPool", 12, [x], new() { ["kernel_shape"] = new long[] { 2 } }).Shape.Elements);
        Assert.Equal(0, OpRunner.One("InstanceNormalization", 6, [x, Tensor.Allocate(DType.F32, new Shape(channels)), Tensor.Allocate(DType.F32, new Shape(channels))]).Shape.Elements);
        Assert.Equal(0, OpRunner.One("LayerNormalization", 17, [x, Tensor.Allocate(DType.F32, new Shape(width))]).Shape.Elements);
        Assert.Equal(batch * channels, OpRunner.One("GlobalAveragePool", 1, [x]).Shape.Elements);
    }

    [Theory]
    [InlineData("strides", new long[] { 0, 1 }), InlineData("strides", new long[] { 1 }), InlineData("dilations", new long[] { -1, 1 }), InlineData("pads", new long[] { -1, 0, 0, 0 })]
    [InlineData("pads", new long[] { 1, 1 }), InlineData("kernel_shape", new long[] { 9, 9 }), InlineData("kernel_shape", new long[] { 0, 1 }), InlineData("pads", new long[] { long.MaxValue, 0, 0, 0 })]
    [InlineData("dilations", new long[] { long.MaxValue, 1 })]
    public void Windows_that_do_not_fit_are_refused(string attribute, long[] value)
    {
        Dictionary<string, object> a = new() { ["kernel_shape"] = new long[] { 2, 2 } };
        a[attribute] = value;
        Assert.ThrowsAny<EngineException>(() => OpRunner.One("MaxPool", 12, [Counting(1, 1, 4, 4)], a));
    }

    [Fact]
    public void Indices_out_of_range_are_refused()
    {
        Dictionary<string, object> a = new() { ["kernel_shape"] = new long[] { 2 } };
        Assert.Throws<OperatorException>(() => OpRunner.One("MaxUnpool", 11, [Counting(1, 1, 1), Tensor.From(new Shape(1, 1, 1), new long[] { 2 })], a));
        Assert.Throws<OperatorException>(() => OpRunner.One("RoiAlign", 16, [Counting(1, 1, 2, 2), F([0, 0, 1, 1], 1, 4), Tensor.Vector<long>(1)]));
        Assert.Throws<OperatorException>(() => OpRunner.One("MaxRoiPool", 1, [Counting(1, 1, 4, 4), F([float.NaN, 0, 0, 3, 3], 1, 5)], new() { ["pooled_shape"] = new long[] { 2, 2 } }));
    }
}
