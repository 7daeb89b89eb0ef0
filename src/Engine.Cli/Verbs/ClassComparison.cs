using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>The classes that two models choose for the same rows, against labels.</summary>
internal sealed class ClassComparison
{
    private readonly List<(int A, int B)> _classes = [];
    private bool _isComparable = true;

    /// <summary>Takes outputs [rows, classes] of both.</summary>
    public void Add(RuntimeValue a, RuntimeValue b)
    {
        _isComparable &= a is Tensor { Shape.Rank: 2 } x && b is Tensor y && y.Shape == x.Shape && x.DType.IsFloat() && x.Shape[1] > 0;
        if (!_isComparable) return;
        int n = ((Tensor)a).Shape.Int(1);
        double[] va = Numbers.ToDoubles((Tensor)a), vb = Numbers.ToDoubles((Tensor)b);
        for (int r = 0; r < va.Length / n; r++) _classes.Add((Best(va.AsSpan(r * n, n)), Best(vb.AsSpan(r * n, n))));
    }

    /// <summary>Adds both accuracies and the drop to a report; returns the drop.</summary>
    public double Report(Report report, int[] labels)
    {
        if (!_isComparable) throw CommandException.Usage("--labels: the first output is not [rows, classes] in both models");
        if (labels.Length != _classes.Count) throw CommandException.Usage($"--labels: {labels.Length} labels for {_classes.Count} rows of the first output");
        double Part(Func<(int A, int B), int, bool> right) => labels.Length == 0 ? 0 : _classes.Where(right).Count() / (double)labels.Length;
        double a = Part((c, i) => c.A == labels[i]), b = Part((c, i) => c.B == labels[i]);
        report.Add("accuracy_a", "accuracy of a", a, "P2").Add("accuracy_b", "accuracy of b", b, "P2").Add("drop", "drop", a - b, "P2").Add("classes_changed", "rows whose class differs", _classes.Count(c => c.A != c.B));
        return a - b;
    }

    private static int Best(ReadOnlySpan<double> scores)
    {
        int best = 0;
        for (int i = 1; i < scores.Length; i++) if (scores[i] > scores[best]) best = i;
        return best;
    }
}
