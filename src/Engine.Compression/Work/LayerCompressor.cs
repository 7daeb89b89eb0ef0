using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Compresses one layer one way, and says what that costs.</summary>
internal sealed class LayerCompressor(CompressionOptions options, Calibration? calibration, Workers workers)
{
    private readonly Factorizer _factorizer = new(options, calibration, workers);

    // Schemes of a layer follow each other.
    private (Layer Layer, Gptq Solver)? _solver;

    /// <summary>The layer in the given scheme; of the ways to round it the one of least error on inputs held out.</summary>
    public LayerResult Compress(Layer layer, Scheme scheme)
    {
        if (scheme.IsFloat) return LayerResult.Float(layer);
        var w = layer.Matrix();
        if (scheme.Factors is { } form) return Factored(layer, w, form);
        if (scheme.Sparsity is { } sparsity) return Sparse(layer, w, scheme, sparsity);
        var groups = layer.Groups(scheme);
        var inputs = calibration?.Inputs(layer);
        var nearest = RoundToNearest.Run(w, layer.Rows, layer.Columns, groups, scheme, [], search: scheme.Bits < 8, workers);
        if (inputs is null) return Result(layer, nearest)(OutputError.Of([(w, nearest.Decode())]), []);
        var best = Judged(layer, w, nearest.Decode(), nearest.Scheme, inputs, Result(layer, nearest));
        // With 8 bits a channel there is next to nothing to make up for; with a few inputs there is nothing to judge by.
        if (options.Method != RoundingMethod.Gptq || scheme.Bits >= 8 && scheme.Group == 0 || !inputs.IsSplit) return best;
        var gptq = Solver(layer, w, inputs).Round(groups, scheme);
        var compensated = Judged(layer, w, gptq.Decode(), gptq.Scheme, inputs, Result(layer, gptq));
        return compensated.Error.Noise < best.Error.Noise ? compensated : best;
    }

    private Gptq Solver(Layer layer, float[] w, LayerInputs inputs)
    {
        if (_solver is { } known && known.Layer == layer) return known.Solver;
        var grams = Enumerable.Range(0, inputs.Parts).Select(p => inputs.Fitted(p)).Select(x => Products.Gram(x, x.Length / layer.Columns, layer.Columns, workers)).ToList();
        _solver = (layer, new Gptq(w, layer.Rows, layer.Columns, grams, options.Gptq, workers));
        return _solver.Value.Solver;
    }

    /// <summary>The layer with zeros: the largest weights kept as they are, or those of the largest loss with the others made up for, whichever has less error on inputs held out.</summary>
    private LayerResult Sparse(Layer layer, float[] w, Scheme scheme, Sparsity sparsity)
    {
        var inputs = calibration?.Inputs(layer);
        var groups = layer.Groups(scheme);
        LayerResult Try(float[] pruned, Func<CodedMatrix> round)
        {
            var coded = scheme.Kind == CodeKind.Float ? null : round();
            float[] rough = coded?.Decode() ?? pruned;
            long kept = rough.LongCount(v => v != 0), bytes = WeightForm.Of(layer, scheme, coded, pruned, options.SparseForms).StoredBytes;
            OutputError Error(float[] values, Scheme s, out float[] shift)
            {
                var r = inputs is null ? new(s, null, OutputError.Of([(w, values)]), [], 0) : Judged(layer, w, values, s, inputs, (error, shift) => new(s, null, error, shift, 0));
                shift = r.Shift;
                return r.Error;
            }
            var error = Error(rough, scheme, out float[] shift);
            return new(scheme, coded, error, shift, bytes) { Values = coded is null ? pruned : null, Mask = (kept, coded is null ? error : Error(pruned, Scheme.Float, out _)) };
        }
        float[] largest = SparsityMask.Apply(SparsityMask.Of(layer, sparsity, SparsityMask.Magnitudes(w)), w);
        var best = Try(largest, () => RoundToNearest.Run(largest, layer.Rows, layer.Columns, groups, scheme, [], search: scheme.Bits < 8, workers));
        if (options.Method != RoundingMethod.Gptq || inputs is not { IsSplit: true }) return best;
        var solver = Solver(layer, w, inputs);
        bool[] mask = sparsity.IsGrouped ? [] : SparsityMask.Of(layer, sparsity, solver.Losses());
        float[] pruned = sparsity.IsGrouped ? solver.Prune(sparsity, layer.Taps, largest) : solver.Prune(mask, adapts: !sparsity.IsBlocks);
        var compensated = Try(pruned, () => sparsity.IsGrouped ? solver.PruneAndRound(sparsity, layer.Taps, pruned, groups, scheme) : solver.PruneAndRound(mask, !sparsity.IsBlocks, pruned, groups, scheme));
        return compensated.Error.Noise < best.Error.Noise ? compensated : best;
    }

    /// <summary>The layer's factors; the layer as it is where they would be no smaller.</summary>
    private LayerResult Factored(Layer layer, float[] w, Factorization form)
    {
        var inputs = calibration?.Inputs(layer);
        LayerResult? Try(FactorMethod method)
        {
            if (_factorizer.Factor(layer, form, method) is not { } factors) return null;
            var scheme = Scheme.Float with { Factors = factors.Form };
            var rough = factors.Decode(layer, workers);
            LayerResult Result(OutputError error, float[] shift) => new(scheme, null, error, shift, factors.Bytes) { Factors = factors };
            return inputs is null ? Result(OutputError.Of([(w, rough)]), []) : Judged(layer, w, rough, scheme, inputs, Result);
        }
        var result = Try(options.FactorMethod);
        // Energies of different things cannot be compared.
        if (inputs is not { IsSplit: true } || options.FactorMethod == FactorMethod.Plain || form.Rule == RankRule.Energy) return result ?? LayerResult.Float(layer);
        var plain = Try(FactorMethod.Plain);
        return (plain is not null && !(result?.Error.Noise <= plain.Error.Noise) ? plain : result) ?? LayerResult.Float(layer);
    }

    /// <summary>The grid that calibration found for a wire.</summary>
    public WireQuantization Grid(Value wire) =>
        StaticPass.Grid(calibration!.Wire(wire).Range(options.Range, options.Percentile), options.SignedActivations);

    private Func<OutputError, float[], LayerResult> Result(Layer layer, CodedMatrix coded) => (error, shift) => new(coded.Scheme, coded, error, shift, WeightForm.Of(layer, coded.Scheme, coded, null, options.SparseForms).StoredBytes);

    /// <summary>The result with its error on inputs held out, and with bias correction where that makes it less; <paramref name="rough"/> is what the compressed weight stands for.</summary>
    private LayerResult Judged(Layer layer, float[] w, float[] rough, Scheme scheme, LayerInputs inputs, Func<OutputError, float[], LayerResult> result)
    {
        Func<float[], float[]>? round = null;
        if (scheme.IsStatic)
        {
            var grid = Grid(layer.Node.Inputs[0]!);
            round = x => StaticPass.Round(x, grid);
        }
        List<(float[] Exact, float[] Compressed)> Outputs(Func<int, float[]> rows) => OutputError.Outputs(w, rough, layer.Rows, layer.Columns, inputs.Parts, rows, round, workers);
        var judged = Outputs(inputs.HeldOut);
        var plain = OutputError.Of(judged);
        if (!options.BiasCorrection || !inputs.IsSplit || CompressedGraph.Bias(layer) is null) return result(plain, []);
        var shift = MeanError(Outputs(p => inputs.Fitted(p, LayerInputs.RowsOfErrors)), layer.Rows, inputs.Parts);
        int part = layer.Rows / inputs.Parts;
        for (int p = 0; p < judged.Count; p++)
            for (int i = 0; i < judged[p].Compressed.Length; i++) judged[p].Compressed[i] += shift[p * part + i % part];
        var corrected = OutputError.Of(judged);
        return corrected.Noise < plain.Noise ? result(corrected, shift) : result(plain, []);
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
