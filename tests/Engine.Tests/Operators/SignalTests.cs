using System.Numerics;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

public class SignalTests
{
    [Theory]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(8), InlineData(12), InlineData(17), InlineData(64), InlineData(100), InlineData(257)]
    public void Transforms_of_any_length_agree_with_the_definition(int n)
    {
        float[] re = TestData.Floats(n, 1), im = TestData.Floats(n, 2);
        var fourier = new Fourier(n);
        foreach (bool inverse in new[] { false, true })
        {
            var x = new Complex[Math.Max(n, fourier.Scratch)];
            for (int i = 0; i < n; i++) x[i] = new(re[i], im[i]);
            fourier.Run(x, inverse);
            for (int k = 0; k < n; k++)
            {
                Complex sum = 0;
                for (int i = 0; i < n; i++) sum += new Complex(re[i], im[i]) * Complex.Exp(new Complex(0, (inverse ? 2 : -2) * Math.PI * ((long)k * i % n) / n));
                if (inverse) sum /= n;
                Assert.True((x[k] - sum).Magnitude < 1e-11 * (1 + n), $"{k}: {x[k]} is not {sum}");
            }
        }
    }

    [Fact]
    public void Long_transforms_take_a_workspace_and_invert()
    {
        const int N = 5000;
        var x = Tensor.From(new Shape(2, N, 2), TestData.Floats(4 * N, 1));
        var y = OpRunner.One("DFT", 20, [x]);
        AssertEx.Close(x, OpRunner.One("DFT", 20, [y], new() { ["inverse"] = 1L }), 1e-5);
    }

    [Fact]
    public void Dft_pads_cuts_and_takes_its_axis_from_attribute_or_input()
    {
        var x = Tensor.From(new Shape(1, 4, 3, 1), TestData.Floats(12, 1));
        var y = OpRunner.One("DFT", 17, [x, Tensor.Scalar(6L)], new() { ["axis"] = 1L, ["onesided"] = 1L });
        Assert.Equal(new Shape(1, 4, 3, 2), y.Shape);
        Assert.Equal(y.Bytes.ToArray(), OpRunner.One("DFT", 20, [x, Tensor.Scalar(6L), Tensor.Scalar(-3L)], new() { ["onesided"] = 1L }).Bytes.ToArray());
        Assert.Equal(new Shape(1, 2, 3, 2), OpRunner.One("DFT", 17, [x, Tensor.Scalar(2L)]).Shape);
        Assert.Throws<OperatorException>(() => OpRunner.One("DFT", 17, [x], new() { ["axis"] = 3L }));
        Assert.Throws<OperatorException>(() => OpRunner.One("DFT", 17, [x, Tensor.Scalar(-2L)]));
    }

    [Fact]
    public void Stft_transforms_windowed_frames()
    {
        var x = Tensor.From(new Shape(2, 20, 1), TestData.Floats(40, 1));
        var window = Tensor.Vector<float>(TestData.Floats(7, 2));
        var y = OpRunner.One("STFT", 17, [x, Tensor.Scalar(3L), window]);
        Assert.Equal(new Shape(2, 5, 4, 2), y.Shape);
        for (int b = 0; b < 2; b++)
            for (int f = 0; f < 5; f++)
                for (int k = 0; k < 4; k++)
                {
                    Complex sum = 0;
                    for (int i = 0; i < 7; i++) sum += x.Span<float>()[b * 20 + f * 3 + i] * window.Span<float>()[i] * Complex.Exp(new Complex(0, -2 * Math.PI * k * i / 7));
                    Assert.Equal(sum.Real, y.Span<float>()[((b * 5 + f) * 4 + k) * 2], 1e-5);
                    Assert.Equal(sum.Imaginary, y.Span<float>()[((b * 5 + f) * 4 + k) * 2 + 1], 1e-5);
                }
        Assert.Throws<OperatorException>(() => OpRunner.One("STFT", 17, [x, Tensor.Scalar(0L), window]));
        Assert.Throws<OperatorException>(() => OpRunner.One("STFT", 17, [x, Tensor.Scalar(1L), null, Tensor.Scalar(21L)]));
    }

    [Fact]
    public void Hostile_filter_banks_are_refused_or_stay_inside()
    {
        Tensor Mel(int bins, int length, int rate, float low, float high) => OpRunner.One("MelWeightMatrix", 17, [Tensor.Scalar(bins), Tensor.Scalar(length), Tensor.Scalar(rate), Tensor.Scalar(low), Tensor.Scalar(high)]);
        Assert.Equal(new Shape(9, 8), Mel(8, 16, 8192, 0, 1e9f).Shape);
        Assert.Equal(new Shape(1, 0), Mel(0, 0, 8192, 0, 1).Shape);
        Assert.Throws<OperatorException>(() => Mel(8, 16, 0, 0, 4096));
        Assert.Throws<OperatorException>(() => Mel(8, 16, 8192, 0, float.NaN));
        Assert.Throws<OperatorException>(() => OpRunner.One("HannWindow", 17, [Tensor.Scalar(-1)]));
        Assert.Throws<OperatorException>(() => OpRunner.One("HannWindow", 17, [Tensor.Scalar(4)], new() { ["output_datatype"] = 8L }));
    }

    [Fact]
    public void Windows_come_in_any_number_type()
    {
        var w = OpRunner.One("HannWindow", 17, [Tensor.Scalar(4)], new() { ["output_datatype"] = (long)DType.F16 });
        Assert.Equal([(Half)0, (Half)0.5, (Half)1, (Half)0.5], w.Span<Half>().ToArray());
        Assert.Equal([0, 1, 0], OpRunner.One("HannWindow", 17, [Tensor.Scalar(3)], new() { ["output_datatype"] = (long)DType.F64, ["periodic"] = 0L }).Span<double>().ToArray().Select(v => Math.Round(v, 12)));
    }
}
