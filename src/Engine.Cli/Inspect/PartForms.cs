using Engine.Tensors;

namespace Engine.Cli;

/// <summary>What a part of a model holds of its own once it is planned, and what it reads of the whole.</summary>
internal static class PartForms
{
    private const string Shared = "view of the whole", Own = "copy";

    /// <summary>Adds the table of a part that has been planned, and nothing else before it: every form is one that the part asked for.</summary>
    public static void Add(Report report, Model model, SubNetwork part)
    {
        var whole = model.Definition.Graph.Constants.SelectMany(v => Stored(v.Constant!)).ToHashSet();
        var forms = model.PackedForms().ToLookup(f => f.Weight);
        var table = new Table(new("constant", "constant"), new("form", "form"), new("KiB", "kib", "0.0"), new("held as", "held_as"));
        long shared = 0, own = 0;
        void Row(string name, string form, long bytes, bool isShared)
        {
            table.Add(name, form, bytes / 1024.0, isShared ? Shared : Own);
            if (isShared) shared += bytes;
            else own += bytes;
        }
        var seen = new HashSet<Weight>();
        foreach (var v in part.Graph.Constants)
            foreach (var w in Stored(v.Constant!))
            {
                if (!seen.Add(w)) continue;
                bool isShared = whole.Contains(w), isView = w is Leading || w is Dense { Shape.Rank: <= 1 };
                if (!isShared && !isView) Row(v.Name, w.Describe(), w.StoredBytes, false);
                foreach (var f in forms[w]) if (f.Bytes > 0) Row(v.Name, f.Name, f.Bytes, isShared);
                if (w is Leading { Whole: var of } && seen.Add(of))
                    foreach (var f in forms[of]) if (f.Bytes > 0) Row(v.Name, f.Name, f.Bytes, true);
            }
        report.Add("part_forms", "Weights of the part", table).Add("part_shared_bytes", "bytes of the whole's forms that the part reads", shared).Add("part_own_bytes", "bytes of the part's own copies", own);
    }

    // What a weight is made of: parts of it may be the whole's.
    private static IEnumerable<Weight> Stored(Weight w) => w switch
    {
        LowRank l => Stored(l.U).Concat(Stored(l.V)),
        WeightSum s => s.Terms.SelectMany(Stored),
        Scaled s => Stored(s.Inner),
        Permuted p => Stored(p.Inner),
        _ => [w],
    };
}
