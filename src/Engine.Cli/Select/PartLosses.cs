using Engine.Graph;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>What each choice costs in accuracy when all else is whole.</summary>
internal static class PartLosses
{
    /// <summary>By dimension and choice, and in which unit: as the model says, or as part of labelled samples that are newly wrong, or as error of the outputs.</summary>
    public static (IReadOnlyList<double[]> Losses, string Unit) Of(Model model, IReadOnlyList<Dictionary<string, RuntimeValue>> samples, int[]? labels, bool given, Action<string> progress, CancellationToken cancellation)
    {
        var all = model.Elastic.All;
        if (!given && all.All(d => d.Losses is not null)) return ([.. all.Select(d => d.Losses!.ToArray())], "the model's own");
        using var session = model.CreateSession(new SessionOptions { Threads = 0 });
        var whole = Outputs(session, null, samples, cancellation);
        double wrong = labels is null ? 0 : Wrong(whole, labels);
        var losses = new List<double[]>();
        foreach (var d in all)
        {
            progress($"loss of {d.Kind} {d.Name}");
            losses.Add([.. d.Choices.Select(c =>
            {
                if (c == d.Whole) return 0;
                var outputs = Outputs(session, Part(model, d, c), samples, cancellation);
                return labels is null ? Error(whole, outputs) : Math.Max(0, Wrong(outputs, labels) - wrong);
            })]);
        }
        return (losses, labels is null ? "relative error of the first output" : "part of the samples");
    }

    private static SubNetwork Part(Model model, ElasticDimension d, int choice)
    {
        var one = ElasticChoice.Of(new Dictionary<string, int> { [d.Name] = choice });
        return model.Select(d is ElasticWidth ? one : null, d is ElasticDepth ? one : null, d is ElasticKernel ? one : null);
    }

    private static List<Tensor> Outputs(Session session, SubNetwork? part, IReadOnlyList<Dictionary<string, RuntimeValue>> samples, CancellationToken cancellation)
    {
        session.Use(part);
        string first = session.Model.Outputs[0].Name;
        return [.. samples.Select(s => session.Run(s, cancellation)[first] as Tensor ?? throw new CommandException(ExitCode.InvalidModel, $"output '{first}' is no tensor"))];
    }

    private static double Wrong(List<Tensor> outputs, int[] labels)
    {
        int row = 0, wrong = 0;
        foreach (var y in outputs)
        {
            int classes = y.Shape.Int(-1);
            var values = y.Span<float>();
            for (int i = 0; i + classes <= values.Length; i += classes, row++)
            {
                if (row >= labels.Length) throw new InputException($"{labels.Length} labels given, the samples have more rows");
                int best = 0;
                for (int k = 1; k < classes; k++) if (values[i + k] > values[i + best]) best = k;
                if (best != labels[row]) wrong++;
            }
        }
        return row == labels.Length ? (double)wrong / row : throw new InputException($"{labels.Length} labels given, the samples have {row} rows");
    }

    private static double Error(List<Tensor> whole, List<Tensor> part)
    {
        double error = 0, size = 0;
        for (int i = 0; i < whole.Count; i++)
        {
            ReadOnlySpan<float> a = whole[i].Span<float>(), b = part[i].Span<float>();
            for (int k = 0; k < a.Length; k++) (error, size) = (error + (a[k] - (double)b[k]) * (a[k] - (double)b[k]), size + (double)a[k] * a[k]);
        }
        return size == 0 ? 0 : Math.Sqrt(error / size);
    }
}
