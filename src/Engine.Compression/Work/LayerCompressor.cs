using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Compresses one layer one way, and says what that costs.</summary>
internal sealed class LayerCompressor(CompressionOptions options, Calibration? calibration, Workers workers)
{
    /// <summary>The layer in the given scheme.</summary>
    public LayerResult Compress(Layer layer, Scheme scheme)
    {
        if (scheme.IsFloat) return LayerResult.Float(layer);
        var w = layer.Matrix();
        var inputs = calibration?.Inputs(layer);
        var coded = Round(layer, w, scheme, inputs);
        var rough = coded.Decode();
        var (error, shift) = inputs is null ? (OutputError.Of([(w, rough)]), []) : Error(layer, scheme, w, rough, inputs);
        return new(scheme, coded, error, shift, WeightForm.Of(layer, coded).StoredBytes);
    }

    /// <summary>The grid that calibration found for a wire.</summary>
    public WireQuantization Grid(Value wire) =>
        StaticPass.Grid(calibration!.Wire(wire).Range(options.Range, options.Percentile), options.SignedActivations);

    private CodedMatrix Round(Layer layer, float[] w, Scheme scheme, LayerInputs? inputs)
    {
        var groups = layer.Groups(scheme);
        // With 8 bits a channel there is next to nothing to make up for.
        bool compensates = options.Method == RoundingMethod.Gptq && inputs is not null && !(scheme.Bits >= 8 && scheme.Group == 0);
        return compensates
            ? Gptq.Run(w, layer.Rows, layer.Columns, groups, scheme, [.. Enumerable.Range(0, inputs!.Parts).Select(p => inputs.Rows(p)).Select(x => Products.Gram(x, x.Length / layer.Columns, layer.Columns, workers))], options.Gptq, workers)
            : RoundToNearest.Run(w, layer.Rows, layer.Columns, groups, scheme, [], search: scheme.Bits < 8, workers);
    }

    /// <summary>The error of the output, after bias correction where the layer can carry one.</summary>
    private (OutputError, float[]) Error(Layer layer, Scheme scheme, float[] w, float[] rough, LayerInputs inputs)
    {
        Func<float[], float[]>? round = null;
        if (scheme.IsStatic)
        {
            var grid = Grid(layer.Node.Inputs[0]!);
            round = x => StaticPass.Round(x, grid);
        }
        var outputs = OutputError.Outputs(w, rough, layer.Rows, layer.Columns, inputs, round, workers);
        if (!options.BiasCorrection || CompressedGraph.Bias(layer) is null) return (OutputError.Of(outputs), []);
        var shift = new float[layer.Rows];
        int part = layer.Rows / inputs.Parts;
        for (int p = 0; p < outputs.Count; p++)
        {
            var (exact, compressed) = outputs[p];
            int count = exact.Length / part;
            for (int r = 0; r < part; r++)
            {
                double sum = 0;
                for (int i = 0; i < count; i++) sum += (double)exact[i * part + r] - compressed[i * part + r];
                shift[p * part + r] = (float)(sum / count);
                for (int i = 0; i < count; i++) compressed[i * part + r] += shift[p * part + r];
            }
        }
        return (OutputError.Of(outputs), shift);
    }
}
