namespace Engine.Compression;

/// <summary>Disjoint sets of labels. Label 0 is the set of what must stay.</summary>
internal sealed class LabelSets
{
    private readonly List<int> _parents = [0];

    /// <summary>A label of its own.</summary>
    public int Fresh()
    {
        _parents.Add(_parents.Count);
        return _parents.Count - 1;
    }

    /// <summary>Labels of their own.</summary>
    public int[] Fresh(int count)
    {
        var y = new int[count];
        foreach (ref int l in y.AsSpan()) l = Fresh();
        return y;
    }

    /// <summary>The set's name: its least label.</summary>
    public int Find(int label)
    {
        while (_parents[label] != label) label = _parents[label] = _parents[_parents[label]];
        return label;
    }

    /// <summary>Puts two sets together.</summary>
    public void Join(int a, int b)
    {
        (a, b) = (Find(a), Find(b));
        _parents[Math.Max(a, b)] = Math.Min(a, b);
    }

    /// <summary>Puts the sets of all labels in the set of what must stay.</summary>
    public void Keep(ReadOnlySpan<int> labels)
    {
        int last = 0;
        foreach (int l in labels)
        {
            if (l == last) continue;
            Join(l, 0);
            last = l;
        }
    }
}
