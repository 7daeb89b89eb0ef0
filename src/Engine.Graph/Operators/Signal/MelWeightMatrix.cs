using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX MelWeightMatrix: triangular filters [⌊dft_length/2⌋ + 1, num_mel_bins] that right-multiply a spectrogram. Inputs: number of bins,
/// DFT length, sample rate, lower and upper edge in Hz.
/// </summary>
public sealed class MelWeightMatrix(Attributes a) : Operator(a)
{
    private readonly DType _output = (DType)a.Int("output_datatype", (long)DType.F32);

    /// <inheritdoc/>
    public override string Name => "MelWeightMatrix";

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        SignalTypes.Require(_output);
        for (int i = 0; i < 5; i++) if (c.Shape(i).Elements != 1) throw new OperatorException($"input {i} has shape {c.Shape(i)}, expected one element");
        if (!c.TryLongs(0, out var bins) | !c.TryLongs(1, out var length)) return;
        if (bins[0] < 0 || length[0] < 0) throw new OperatorException($"{bins[0]} bins of a transform of {length[0]} points");
        c.Set(0, _output, new Shape(length[0] / 2 + 1, bins[0]));
    }
}
