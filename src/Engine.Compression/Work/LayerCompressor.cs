using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Compresses one layer one way, and says what that costs.</summary>
internal sealed class LayerCompressor(CompressionOptions options, Calibration? calibration, Workers workers)
{
    /// <summary>The layer in the given scheme; of the ways to round it the one of least error on inputs held out.</summary>
    public LayerResult Compress(Layer layer, Scheme scheme)
    {
        if (scheme.IsFloat) return LayerResult.Float(layer);
        var w = layer.Matrix();
        var groups = layer.Groups(scheme);
        var inputs = calibration?.Inputs(layer);
        var nearest = RoundToNearest.Run(w, layer.Rows, layer.Columns, groups, scheme, [], search: scheme.Bits < 8, workers);
        if (inputs is null) return Result(layer, nearest, OutputError.Of([(w, nearest.Decode())]), []);
        var best = Judged(layer, w, nearest, inputs);
        // With 8 bits a channel there is next to nothing to make up for; with a few inputs there is nothing to judge by.
        if (options.Method != RoundingMethod.Gptq || scheme.Bits >= 8 && scheme.Group == 0 || !inputs.IsSplit) return best;
        var grams = Enumerable.Range(0, inputs.Parts).Select(p => inputs.Fitted(p)).Select(x => Products.Gram(x, x.Length / layer.Columns, layer.Columns, workers)).ToList();
        var compensated = Judged(layer, w, Gptq.Run(w, layer.Rows, layer.Columns, groups, scheme, grams, options.Gptq, workers), inputs);
        return compensated.Error.Noise < best.Error.Noise ? compensated : best;
    }

    /// <summary>The grid that calibration found for a wire.</summary>
    public WireQuantization Grid(Value wire) =>
        StaticPass.Grid(calibration!.Wire(wire).Range(options.Range, options.Percentile), options.SignedActivations);

    private static LayerResult Result(Layer layer, CodedMatrix coded, OutputError error, float[] shift) => new(coded.Scheme, coded, error, shift, WeightForm.Of(layer, coded).StoredBytes);

    /// <summary>The result with its error on inputs held out, and with bias correction where that makes it less.</summary>
    private LayerResult Judged(Layer layer, float[] w, CodedMatrix coded, LayerInputs inputs)
    {
        Func<float[], float[]>? round = null;
        if (coded.Scheme.IsStatic)
        {
            var grid = Grid(layer.Node.Inputs[0]!);
            round = x => StaticPass.Round(x, grid);
        }
        var rough = coded.Decode();
        List<(float[] Exact, float[] Compressed)> Outputs(Func<int, float[]> rows) => OutputError.Outputs(w, rough, layer.Rows, layer.Columns, inputs.Parts, rows, round, workers);
        var judged = Outputs(inputs.HeldOut);
        var plain = OutputError.Of(judged);
        if (!options.BiasCorrection || !inputs.IsSplit || CompressedGraph.Bias(layer) is null) return Result(layer, coded, plain, []);
        var shift = MeanError(Outputs(p => inputs.Fitted(p, LayerInputs.RowsOfErrors)), layer.Rows, inputs.Parts);
        int part = layer.Rows / inputs.Parts;
        for (int p = 0; p < judged.Count; p++)
            for (int i = 0; i < judged[p].Compressed.Length; i++) judged[p].Compressed[i] += shift[p * part + i % part];
        var corrected = OutputError.Of(judged);
        return corrected.Noise < plain.Noise ? Result(layer, coded, corrected, shift) : Result(layer, coded, plain, []);
    }

    // What each output is too small by, on average.
    private static float[] MeanError(List<(float[] Exact, float[] Compressed)> outputs, int rows, int parts)
    {
        var shift = new float[rows];
        int part = rows / parts;
        for (int p = 0; p < parts; p++)
        {
            var (exact, compressed) = outputs[p];
            int count = exact.Length / part;
            for (int r = 0; r < part; r++)
            {
                double sum = 0;
                for (int i = 0; i < count; i++) sum += (double)exact[i * part + r] - compressed[i * part + r];
                shift[p * part + r] = count == 0 ? 0 : (float)(sum / count);
            }
        }
        return shift;
    }
}
