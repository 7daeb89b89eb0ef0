using Engine.Bench;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>What <c>engine-bench choices</c> times: every kernel of a form, with results that agree.</summary>
public class ChoiceBenchTests
{
    [Theory]
    [InlineData("f32", "9x16x64", false)]
    [InlineData("2:4", "9x16x64", false)]
    [InlineData("csr-10", "3x24x64", false)]
    [InlineData("blocks-20", "3x24x64", false)]
    [InlineData("2:4+int8", "9x16x64", true)]
    [InlineData("csr-10+int8", "3x24x64", true)]
    [InlineData("blocks-20+int8", "3x24x64", false)]
    [InlineData("int8", "2x16x64", false)]
    [InlineData("2:4+int4", "2x16x64", false)]
    [InlineData("1:4", "16x5x6x32x3x1", false)]
    [InlineData("2:4+int8", "16x5x6x32x3x1", true)]
    public void Every_kernel_of_a_form_is_timed_after_its_result_was_compared(string form, string shape, bool wires)
    {
        int[] dims = [.. shape.Split('x').Select(int.Parse)];
        var times = new ChoiceBench(1, 1, []).Measure(ChoiceModel.Of(form, dims, wires), ChoiceForms.IsCoded(form));
        Assert.Single(times, t => t.IsPick);
        Assert.All(times, t => Assert.True(t.Estimate > 0));
        Assert.Equal(times.Count, times.Select(t => t.Stem).Distinct().Count());
    }

    [Fact]
    public void A_form_keeps_as_much_as_its_name_says()
    {
        static double Kept(string form)
        {
            var w = ChoiceForms.Make(form, new Shape(64, 256)).ToF32();
            return w.Span<float>().ToArray().Count(v => v != 0) / (double)w.Shape.Count;
        }
        Assert.Equal(0.5, Kept("2:4"));
        Assert.Equal(0.25, Kept("1:4+int8"));
        Assert.InRange(Kept("csr-10"), 0.08, 0.12);
        Assert.InRange(Kept("blocks-30+int8"), 0.24, 0.36);
        Assert.Equal(1, Kept("int4"));
    }
}
