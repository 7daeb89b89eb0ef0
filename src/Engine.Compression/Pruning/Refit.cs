using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Fits each layer of a pruned graph, in order, to the sums that the float layer has on the samples: least squares over the inputs that the layer has now, errors of
/// the layers before it included. Weights are kept where they do better on rows held out.
/// <para>Source: He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", 2017.</para>
/// </summary>
/// <param name="source">The float graph.</param>
/// <param name="analysis">Its channels.</param>
/// <param name="data">Samples.</param>
/// <param name="options">Seed and progress.</param>
/// <param name="kernels">What computes nodes.</param>
/// <param name="workers">Threads.</param>
internal sealed class Refit(ModelGraph source, ChannelAnalysis analysis, CalibrationData data, CompressionOptions options, KernelRegistry kernels, Workers workers)
{
    // Parts of the mean diagonal: few samples need much, many need little.
    private static readonly double[] s_damps = [0.001, 0.01, 0.1, 1];

    private readonly IReadOnlyList<Layer> _layers = LayerScan.Of(source);
    private Calibration? _calibration;

    /// <summary>
    /// Changes the weights of <paramref name="pruned"/>, whose nodes stand as in the source; <paramref name="removed"/> channels are gone from it. With <paramref name="only"/> those of the nodes of
    /// the source named alone.
    /// </summary>
    public void Run(ModelGraph pruned, IReadOnlySet<int> removed, IReadOnlySet<Node>? only, CancellationToken cancellation)
    {
        _calibration ??= Calibration.Collect(source, data.Inputs, _layers, [], false, options.Seed, kernels, workers, options.Progress, cancellation);
        var now = LayerScan.Of(pruned).ToDictionary(l => l.Name);
        for (int i = 0; i < _layers.Count; i++)
        {
            var l = _layers[i];
            if (only?.Contains(l.Node) == false || !l.IsProduct || l.Parts > 1 || _calibration.Inputs(l) is not { IsSplit: true } exact || !now.TryGetValue(l.Name, out var p)) continue;
            options.Progress($"fit {l.Name}");
            var inputs = new LayerInputs(p, exact, options.Seed + (ulong)i);
            var wire = p.Node.Inputs[0]!;
            var before = Before(pruned, p.Node, wire);
            foreach (var sample in data.Inputs)
            {
                var values = pruned.Inputs.ConvertAll(v => sample[v.Name]);
                int at = pruned.Inputs.IndexOf(wire);
                inputs.Add((Tensor)(at >= 0 ? values[at] : new Interpreter(kernels, workers).Run(before, values, cancellation)[0]));
            }
            Fit(l, p, KeptRows(l, removed), exact, inputs);
        }
    }

    // What has to run to know a wire.
    private static ModelGraph Before(ModelGraph graph, Node node, Value wire)
    {
        var y = new ModelGraph(graph.Name) { Nodes = graph.Nodes.GetRange(0, graph.Nodes.IndexOf(node)) };
        y.Inputs.AddRange(graph.Inputs);
        y.Outputs.Add(wire);
        return y;
    }

    private void Fit(Layer source, Layer pruned, int[] rows, LayerInputs exact, LayerInputs inputs)
    {
        bool hasBias = CompressedGraph.Bias(pruned) is not null;
        int k = pruned.Columns + (hasBias ? 1 : 0), m = pruned.Rows;
        float[] w = pruned.Matrix(), was = Rows(source, rows);
        float[] x = Transposed(inputs.Fitted(0), pruned.Columns, hasBias), missing = Missing(exact.Fitted(0), was, source.Columns, inputs.Fitted(0), w, pruned.Columns, m);
        int count = x.Length / k;
        double[] gram = ToDouble(Products.TimesTransposed(x, k, x, k, count, workers)), change = ToDouble(Products.TimesTransposed(missing, m, x, k, count, workers));
        float[] heldOut = inputs.HeldOut(0), of = exact.HeldOut(0);
        double best = Energy(Missing(of, was, source.Columns, heldOut, w, pruned.Columns, m), []);
        float[]? chosen = null;
        float[] bias = [];
        foreach (double damp in s_damps)
        {
            var solved = (double[])change.Clone();
            if (!LeastSquares.Solve((double[])gram.Clone(), k, solved, m, damp, workers)) continue;
            float[] fitted = new float[(long)m * pruned.Columns], shift = new float[hasBias ? m : 0];
            for (int r = 0; r < m; r++)
            {
                for (int c = 0; c < pruned.Columns; c++) fitted[r * pruned.Columns + c] = w[r * pruned.Columns + c] + (float)solved[r * k + c];
                if (hasBias) shift[r] = (float)solved[r * k + k - 1];
            }
            double after = Energy(Missing(of, was, source.Columns, heldOut, fitted, pruned.Columns, m), shift);
            if (after < best) (best, chosen, bias) = (after, fitted, shift);
        }
        if (chosen is not null) Replace(pruned, chosen, bias);
    }

    // Rows of the source's weights that the pruned layer still has.
    private int[] KeptRows(Layer source, IReadOnlySet<int> removed) =>
        analysis.Linear.Find(w => w.Node == source.Node) is { } w && PrunedGraph.Kept(analysis, removed, analysis.Constants[w.Weight][w.RowAxis]) is { } kept ? kept : [.. Enumerable.Range(0, source.Rows)];

    private static float[] Rows(Layer l, int[] rows)
    {
        float[] w = l.Matrix(), y = new float[(long)rows.Length * l.Columns];
        for (int i = 0; i < rows.Length; i++) w.AsSpan(rows[i] * l.Columns, l.Columns).CopyTo(y.AsSpan(i * l.Columns));
        return y;
    }

    // What the source gives and the layer does not, [m, count]: columns of weights times rows of inputs, less the same of the layer as it is.
    private float[] Missing(float[] exact, float[] was, int sourceColumns, float[] inputs, float[] w, int columns, int m)
    {
        int count = exact.Length / sourceColumns;
        float[] y = Products.TimesTransposed(was, m, exact, count, sourceColumns, workers), has = Products.TimesTransposed(w, m, inputs, count, columns, workers);
        for (int i = 0; i < y.Length; i++) y[i] -= has[i];
        return y;
    }

    private static double Energy(float[] missing, float[] shift)
    {
        int count = shift.Length == 0 ? 0 : missing.Length / shift.Length;
        double sum = 0;
        for (int i = 0; i < missing.Length; i++)
        {
            double e = missing[i] - (count == 0 ? 0 : shift[i / count]);
            sum += e * e;
        }
        return sum;
    }

    // Rows [count, columns] as columns, with a last row of ones where there is a bias to fit.
    private static float[] Transposed(float[] x, int columns, bool hasOnes)
    {
        int count = x.Length / columns, k = columns + (hasOnes ? 1 : 0);
        var y = new float[(long)k * count];
        for (int r = 0; r < count; r++)
            for (int c = 0; c < columns; c++) y[(long)c * count + r] = x[(long)r * columns + c];
        if (hasOnes) y.AsSpan(columns * count).Fill(1);
        return y;
    }

    private static double[] ToDouble(float[] x) => Array.ConvertAll(x, v => (double)v);

    private static void Replace(Layer l, float[] matrix, float[] shift)
    {
        var w = Tensor.Allocate(DType.F32, l.Weight.Shape);
        var to = w.Span<float>();
        for (int r = 0, i = 0; r < l.Rows; r++)
            for (int c = 0; c < l.Columns; c++, i++) to[l.IsTransposed ? c * l.Rows + r : i] = matrix[i];
        var node = l.Node;
        Value?[] inputs = shift.Length == 0 ? [.. node.Inputs] : [node.Inputs[0], node.Inputs[1], node.Input(2)];
        inputs[1] = Value.Of(node.Inputs[1]!.Name, w);
        if (shift.Length > 0) inputs[2] = Value.Of(node.Input(2)?.Name ?? $"{l.Name}_bias", Tensor.Vector<float>([.. CompressedGraph.Bias(l)!.Zip(shift, (b, s) => b + s)]));
        node.Inputs = inputs;
    }
}
