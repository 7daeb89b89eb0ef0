using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Resizing along the stream, and joins of branches at different paces.</summary>
public class ResizeStreamTests
{
    private const int Length = 48;

    private static ModelGraph Network(string mode, string coordinates, float factor, bool wide, int lookAhead = 1, string nearest = "floor")
    {
        var b = new GraphBuilder();
        var x = b.Input("x", DType.F32);
        long[] k = wide ? [2 * lookAhead + 1, 1] : [2 * lookAhead + 1], pads = wide ? [lookAhead, 0, lookAhead, 0] : [lookAhead, lookAhead];
        x = b.Op("Conv", 13, [x, b.Constant(Tensor.From(new Shape([2, 2, .. k]), TestData.Floats(4 * (2 * lookAhead + 1), 3)))], new() { ["pads"] = pads });
        float[] scales = wide ? [1, 1, factor, 1.5f] : [1, 1, factor];
        b.Output(b.Op("Resize", 13, [x, null, b.Constant(Tensor.Vector(scales))], new() { ["mode"] = mode, ["coordinate_transformation_mode"] = coordinates, ["nearest_mode"] = nearest }));
        return b.Graph;
    }

    private static Shape Input(bool wide) => wide ? new(1, 2, Length, 4) : new(1, 2, Length);

    [Theory]
    [InlineData("half_pixel", 2, false)]
    [InlineData("half_pixel", 3, true)]
    [InlineData("pytorch_half_pixel", 4, false)]
    [InlineData("half_pixel_symmetric", 5, false)]
    [InlineData("asymmetric", 2, true)]
    [InlineData("asymmetric", 3, false)]
    public void Linear(string coordinates, int factor, bool wide)
    {
        StreamCheck.Equal(() => Network("linear", coordinates, factor, wide), Input(wide), 2, [1, 3, 8]);
        using var model = StreamRunner.Model(Network("linear", coordinates, factor, wide, 0), Input(wide), 2, 4);
        Assert.Equal(factor, Assert.Single(model.Plan.Layers, l => l.Operator == "Resize").Delay);
    }

    [Theory]
    [InlineData("linear", "half_pixel", "floor")]
    [InlineData("linear", "asymmetric", "floor")]
    [InlineData("nearest", "half_pixel", "round_prefer_ceil")]
    [InlineData("nearest", "asymmetric", "floor")]
    public void Down(string mode, string coordinates, string nearest)
    {
        foreach (int factor in (int[])[2, 4])
            StreamCheck.Equal(() => Network(mode, coordinates, 1f / factor, false, 1, nearest), Input(false), 2, [4, 8]);
        Assert.Equal(4, StreamRunner.SmallestHop(Network(mode, coordinates, 0.25f, false, 1, nearest), Input(false), 2));
    }

    [Theory]
    [InlineData("linear", "align_corners", 2, "length of the signal")]
    [InlineData("cubic", "half_pixel", 2, "cubic")]
    [InlineData("linear", "half_pixel", 1.5f, "whole factor")]
    [InlineData("nearest", "asymmetric", 2, "rounding")]
    public void WhatDependsOnTheWholeSignalIsRefused(string mode, string coordinates, float factor, string reason) =>
        Assert.Contains(reason, Assert.Throws<UnsupportedException>(() => StreamRunner.Model(Network(mode, coordinates, factor, false, 1, "ceil"), Input(false), 2, 4)).Message);

    [Fact]
    public void BranchesMeetAtTheLeastCommonMultiple()
    {
        ModelGraph Branches()
        {
            var b = new GraphBuilder();
            var x = b.Input("x", DType.F32);
            Value Conv(string op, int k, int seed) => b.Op(op, 13, [x, b.Constant(Tensor.From(new Shape(2, 2, k), TestData.Floats(4 * k, seed)))], new() { ["strides"] = new long[] { k } });
            var left = b.Op("Resize", 13, [Conv("Conv", 2, 1), null, b.Constant(Tensor.Vector(1f, 1f, 2f))], new() { ["mode"] = "linear", ["coordinate_transformation_mode"] = "half_pixel" });
            var slow = Conv("Conv", 3, 2);
            var right = b.Op("ConvTranspose", 13, [slow, b.Constant(Tensor.From(new Shape(2, 2, 3), TestData.Floats(12, 3)))], new() { ["strides"] = new long[] { 3 } });
            b.Output(b.Op("Add", 14, [left, right]));
            return b.Graph;
        }

        Assert.Equal(6, StreamRunner.SmallestHop(Branches(), Input(false), 2));
        StreamCheck.Equal(Branches, Input(false), 2, [6, 12]);
    }
}
