using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// What turns the integer sums of a convolution of codes with a constant weight into its result, made at bind time: biases in steps of the sums, and a
/// factor and a rest a channel. Codes follow QLinearConv: (sum + bias) · (scaleX · scaleW / scaleY) in binary32; the rest is what a bias off the sums' steps leaves.
/// Dyadic factors stand for the same ones in integers, without rests.
/// </summary>
internal sealed unsafe class ChannelSums
{
    // Kernels read 16 channels at a time.
    private const int Slack = 32;

    private readonly Tensor _factors, _rests;
    private readonly WireQuantization? _output;
    private readonly bool _dyadic;
    private readonly float _least = float.NegativeInfinity, _most = float.PositiveInfinity;

    /// <summary>Takes the weight's scales, one or one a channel, and reads the bias (input 2, where it is the operator's own), the output's grid and the fused bounds.</summary>
    public ChannelSums(WireQuantization x, Tensor scales, BindContext b, int channels, bool dyadic) : this((b.OutEncoding as CodeEncoding)?.Grid, channels, dyadic)
    {
        var bias = b.Has(2) ? b.Pack(2, "dense", v => v.Decode()) : Tensor.Scalar(0f);
        for (int c = 0; c < channels; c++)
        {
            float step = x.Scale * scales.Span<float>()[scales.Shape.Elements == 1 ? 0 : c];
            double steps = bias.Span<float>()[bias.Shape.Elements == 1 ? 0 : c] / (double)step, rest = 0;
            if (double.IsFinite(steps))
            {
                Biases[c] = (int)Math.Clamp(Math.Round(steps), -(1 << 30), 1 << 30);
                rest = steps - Biases[c];
                // A bias that was i32 codes comes back as such from f32.
                if (Math.Abs(rest) <= 1e-6 + 2e-7 * Math.Abs(steps)) rest = 0;
            }
            Set(c, step, rest);
        }
        foreach (var e in b.Epilogue)
        {
            if (!TryBounds(e, out float low, out float high)) throw b.Unsupported();
            (_least, _most) = (Math.Min(Math.Max(_least, low), high), Math.Min(Math.Max(_most, low), high));
        }
    }

    /// <summary>One factor for all channels.</summary>
    public ChannelSums(WireQuantization output, double step, int channels, bool dyadic) : this(output, channels, dyadic)
    {
        for (int c = 0; c < channels; c++) Set(c, step, 0);
    }

    private ChannelSums(WireQuantization? output, int channels, bool dyadic)
    {
        (_output, _dyadic) = (output, dyadic);
        var type = output is null ? DType.F64 : dyadic ? DType.I32 : DType.F32;
        (_factors, _rests) = (Tensor.Allocate(type, new Shape(channels + Slack)), Tensor.Allocate(type, new Shape(channels + Slack)));
        _factors.Bytes.Clear();
        _rests.Bytes.Clear();
        // A shift is never less than one.
        if (type == DType.I32) _rests.Span<int>().Fill(1);
        Biases = new int[channels];
    }

    private void Set(int channel, double step, double rest)
    {
        if (_output is null) (_factors.Span<double>()[channel], _rests.Span<double>()[channel]) = (step, rest * step);
        else if (!_dyadic) (_factors.Span<float>()[channel], _rests.Span<float>()[channel]) = ((float)step / _output.Scale, (float)(rest * step / _output.Scale));
        else (_factors.Span<int>()[channel], _rests.Span<int>()[channel]) = Dyadic.Of(step / _output.Scale);
    }

    /// <summary>Biases in steps of the sums.</summary>
    public int[] Biases { get; }

    /// <summary>True when sums become codes.</summary>
    public bool ToCodes => _output is not null;

    /// <summary>What stored codes lie above those of the grid.</summary>
    public static int Flip(WireQuantization grid) => grid.Code == DType.I8 ? 128 : 0;

    /// <summary>The bounds of a fused step that clamps; false for any other.</summary>
    public static bool TryBounds(EpilogueStep e, out float low, out float high)
    {
        (low, high) = (0, float.PositiveInfinity);
        if (e.Operand >= 0 || !ActivationsCpu.TryMap(e.Op, out var a) || a.Kind is not (ActivationKind.Relu or ActivationKind.Clip)) return false;
        if (a.Kind == ActivationKind.Clip) (low, high) = (a.P0, a.P1);
        return low <= high;
    }

    /// <summary>The epilogue for codes.</summary>
    public CodeStore Codes(byte* y, int stride)
    {
        int flip = Flip(_output!), zero = _output!.Zero + flip, min = _output.Encode(_least) + flip, max = _output.Encode(_most) + flip;
        return _dyadic
            ? new(RequantizeDyadic.Table.Best, new((int*)_factors.Pointer, (int*)_rests.Pointer, zero, min, max), y, stride)
            : new(RequantizeU8.Table.Best, new((float*)_factors.Pointer, (float*)_rests.Pointer, zero, min, max), y, stride);
    }

    /// <summary>The epilogue for f32 planes.</summary>
    public PlaneStore Planes(float* y, int channels, int plane) => new(y, channels, plane, (double*)_factors.Pointer, (double*)_rests.Pointer, _least, _most);
}
