namespace Engine.Cli;

/// <summary>Parts of a model by their choices, and random ones from a seed: every choice of a dimension as likely, no part twice while there are others.</summary>
internal sealed class RandomParts(Model model, int seed)
{
    private const int Tries = 1000;

    private readonly Random _random = new(seed);
    private readonly HashSet<string> _seen = [];

    /// <summary>The part for a choice in each of the model's dimensions.</summary>
    public static SubNetwork Select(Model model, int[] choice)
    {
        int at = 0;
        ElasticChoice? Next(IReadOnlyList<Graph.ElasticDimension> of) => of.Count == 0 ? null : ElasticChoice.Of(of.ToDictionary(d => d.Name, _ => choice[at++]));
        ElasticChoice? width = Next(model.Elastic.Widths), depth = Next(model.Elastic.Depths), kernel = Next(model.Elastic.Kernels);
        return model.Select(width, depth, kernel);
    }

    /// <summary>So many choices, those given first.</summary>
    public IReadOnlyList<int[]> Take(int count, IReadOnlyList<int[]> first)
    {
        var taken = new List<int[]>();
        foreach (int[] c in first) if (_seen.Add(string.Join(' ', c))) taken.Add(c);
        for (int tries = 0; taken.Count < count; tries++)
        {
            int[] c = [.. model.Elastic.All.Select(d => d.Choices[_random.Next(d.Choices.Count)])];
            if (_seen.Add(string.Join(' ', c)) || tries > Tries) taken.Add(c);
        }
        return taken;
    }
}
