using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>ONNX Einsum: sums of products over labelled axes.</summary>
public sealed class Einsum(Attributes a) : Operator(a)
{
    private readonly EinsumEquation _equation = new(a.String("equation"));

    /// <inheritdoc/>
    public override string Name => "Einsum";

    /// <summary>Labels and dimensions for operands of these shapes.</summary>
    public EinsumGeometry Geometry(IReadOnlyList<Shape> shapes) => _equation.Resolve(shapes);

    /// <inheritdoc/>
    public override void Infer(InferContext c)
    {
        for (int i = 1; i < c.InputCount; i++) c.RequireSame(0, i);
        c.Set(0, c.DType(0), Geometry(c).Output);
    }

    private EinsumGeometry Geometry(InferContext c) => Geometry([.. Enumerable.Range(0, c.InputCount).Select(c.Shape)]);

    /// <inheritdoc/>
    public override Cost Cost(InferContext c) => new(Geometry(c).Dims.Aggregate((double)c.InputCount, (n, d) => n * d), c.TotalBytes);

    /// <inheritdoc/>
    public override void Stream(StreamContext c) => StreamForms.Follow(c, "it sums over the stream, or multiplies its frames by each other");
}

/// <summary>
/// An equation applied to shapes: labels are numbered, each has one dimension; every operand has a stride a label (0 where it lacks the
/// label or is broadcast, summed where the label is repeated: a diagonal).
/// </summary>
/// <param name="Dims">Dimension of every label; the output's labels come first, in order.</param>
/// <param name="Strides">Strides by operand, then label.</param>
/// <param name="Output">Shape of the result.</param>
public sealed record EinsumGeometry(long[] Dims, long[][] Strides, Shape Output);

/// <summary>A parsed equation, as in <c>...ij,jk->...ik</c>; spaces are ignored. Without an arrow the output has the ellipsis and then the labels that appear once, sorted.</summary>
internal sealed class EinsumEquation
{
    private const char Ellipsis = '.';
    private readonly string[] _terms;
    private readonly string _output;

    public EinsumEquation(string equation)
    {
        string text = equation.Replace(" ", "", StringComparison.Ordinal).Replace("...", ".", StringComparison.Ordinal);
        int arrow = text.IndexOf("->", StringComparison.Ordinal);
        _terms = (arrow < 0 ? text : text[..arrow]).Split(',');
        foreach (string t in _terms) Check(t, equation);
        if (arrow >= 0) _output = text[(arrow + 2)..];
        else
        {
            string all = string.Concat(_terms);
            _output = (all.Contains(Ellipsis) ? "." : "") + string.Concat(all.Where(ch => ch != Ellipsis && all.Count(x => x == ch) == 1).Order());
        }
        Check(_output, equation);
        if (_output.Where(ch => ch != Ellipsis).Distinct().Count() != _output.Count(ch => ch != Ellipsis)) throw new OperatorException($"equation '{equation}' repeats a label in the output");
        foreach (char ch in _output)
            if (ch != Ellipsis && !_terms.Any(t => t.Contains(ch))) throw new OperatorException($"equation '{equation}' has no label '{ch}' on the left");
    }

    private static void Check(string term, string equation)
    {
        if (term.Any(ch => ch != Ellipsis && !char.IsAsciiLetter(ch)) || term.Count(ch => ch == Ellipsis) > 1) throw new OperatorException($"equation '{equation}' is malformed at '{term}'");
    }

    public EinsumGeometry Resolve(IReadOnlyList<Shape> shapes)
    {
        if (shapes.Count != _terms.Length) throw new OperatorException($"{shapes.Count} operands given, the equation has {_terms.Length}");
        // An ellipsis stands for as many axes as its operand has left; fewer of them align to the right, as in broadcasting.
        int wide = 0;
        for (int i = 0; i < _terms.Length; i++)
        {
            int covered = _terms[i].Count(ch => ch != Ellipsis), rest = shapes[i].Rank - covered;
            if (rest < 0 || rest > 0 && !_terms[i].Contains(Ellipsis)) throw new OperatorException($"operand {i} of shape {shapes[i]} does not fit '{_terms[i].Replace(".", "...", StringComparison.Ordinal)}'");
            wide = Math.Max(wide, rest);
        }
        var number = new Dictionary<int, int>();
        int Number(int label)
        {
            if (!number.TryGetValue(label, out int n)) number.Add(label, n = number.Count);
            return n;
        }
        foreach (int label in Expand(_output, _output.Count(ch => ch != Ellipsis) + (_output.Contains(Ellipsis) ? wide : 0))) Number(label);
        int outputRank = number.Count;
        var axes = shapes.Select((s, i) => Expand(_terms[i], s.Rank).Select(Number).ToArray()).ToArray();
        var dims = new long[number.Count];
        Array.Fill(dims, 1);
        for (int i = 0; i < axes.Length; i++)
            for (int d = 0; d < axes[i].Length; d++)
            {
                long dim = shapes[i][d];
                ref long known = ref dims[axes[i][d]];
                if (dim != known && dim != 1 && known != 1) throw new OperatorException($"a label has dimensions {known} and {dim}");
                if (known == 1) known = dim;
            }
        var strides = axes.Select((labels, i) =>
        {
            var own = shapes[i].Strides();
            var s = new long[dims.Length];
            for (int d = 0; d < labels.Length; d++) if (shapes[i][d] != 1) s[labels[d]] += own[d];
            return s;
        }).ToArray();
        return new EinsumGeometry(dims, strides, new Shape(dims.AsSpan(0, outputRank)));

        // Axes behind an ellipsis count from its right end: −1 is the last.
        static IEnumerable<int> Expand(string term, int rank)
        {
            int hidden = rank - term.Count(ch => ch != Ellipsis);
            foreach (char ch in term)
                if (ch != Ellipsis) yield return ch;
                else for (int i = hidden; i > 0; i--) yield return -i;
        }
    }
}
