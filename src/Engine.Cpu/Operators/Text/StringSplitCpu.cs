using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class StringSplitCpu
{
    public static void Run(StringSplit op, DynamicContext c)
    {
        var x = c.Tensor(0);
        var pieces = new List<string>[x.Strings.Length];
        int most = 0;
        for (int i = 0; i < pieces.Length; i++)
        {
            pieces[i] = op.Delimiter.Length == 0 ? AtWhiteSpace(x.Strings[i], op.MaxSplits) : AtDelimiter(x.Strings[i], op.Delimiter, op.MaxSplits);
            most = Math.Max(most, pieces[i].Count);
        }
        var y = c.Allocate(DType.String, new Shape([.. x.Shape.Dims, most]));
        for (int i = 0; i < pieces.Length; i++) pieces[i].CopyTo(y.Strings, i * most);
        c.Set(0, y);
        if (c.Node.Outputs.Count < 2 || c.Node.Outputs[1] is null) return;
        var counts = c.Allocate(DType.I64, x.Shape);
        for (int i = 0; i < pieces.Length; i++) counts.Span<long>()[i] = pieces[i].Count;
        c.Set(1, counts);
    }

    private static List<string> AtDelimiter(string s, string delimiter, long cuts)
    {
        var pieces = new List<string>();
        int at = 0;
        for (; cuts > 0; cuts--)
        {
            int next = s.IndexOf(delimiter, at, StringComparison.Ordinal);
            if (next < 0) break;
            pieces.Add(s[at..next]);
            at = next + delimiter.Length;
        }
        pieces.Add(s[at..]);
        return pieces;
    }

    // White space at both ends gives no piece, except at the end of a rest that is left uncut.
    private static List<string> AtWhiteSpace(string s, long cuts)
    {
        var pieces = new List<string>();
        for (int at = SkipSpace(s, 0); at < s.Length; cuts--)
        {
            int end = at;
            while (end < s.Length && !char.IsWhiteSpace(s[end])) end++;
            if (cuts == 0) end = s.Length;
            pieces.Add(s[at..end]);
            at = SkipSpace(s, end);
        }
        return pieces;
    }

    private static int SkipSpace(string s, int at)
    {
        while (at < s.Length && char.IsWhiteSpace(s[at])) at++;
        return at;
    }
}
