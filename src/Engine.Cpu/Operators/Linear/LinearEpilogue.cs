using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Input <paramref name="Operand"/>, scaled and broadcast to the result by its strides.</summary>
internal sealed record Addend(int Operand, float Factor, nint Row, nint Column)
{
    /// <summary>The addend of shape <paramref name="s"/> for a result of two dimensions.</summary>
    public Addend(int operand, float factor, Shape s, Shape y)
        : this(operand, factor, s.Rank < 2 || s[0] == 1 && y[0] != 1 ? 0 : Checked.Int(s[1]), s.Rank < 1 || s[-1] == 1 && y[1] != 1 ? 0 : 1) { }
}

/// <summary>What follows a product of rows: scale, addend, then the node's fused steps; made at bind time.</summary>
internal sealed class LinearSteps
{
    private readonly float _alpha;
    private readonly Addend? _addend;
    private readonly (int Operand, bool SameShape)[] _adds;

    /// <summary>Takes the node's epilogue.</summary>
    public LinearSteps(BindContext b, float alpha, Addend? addend)
    {
        (_alpha, _addend) = (alpha, addend);
        _adds = [.. b.Epilogue.Select(e => (e.Operand, b.In(e.Operand).Shape == b.Out(0).Shape))];
    }

    /// <summary>True when every fused step of the node can be applied row by row.</summary>
    public static bool Accepts(NodeTypes n) => n.Node.Epilogue.Count <= LinearEpilogue.MaxAdds && n.Node.Epilogue.All(e => e.Op is { Domain: "", Name: "Add" } && IsRowOrSame(n.In(e.Operand).Shape, n.Out(0).Shape));

    private static bool IsRowOrSame(Shape s, Shape y) => s == y || y.Rank > 0 && s.Rank > 0 && s.Elements == y[-1] && s[-1] == y[-1];

    /// <summary>The steps against the memory of one run.</summary>
    public unsafe LinearEpilogue At(in StepContext c, int columns)
    {
        var e = new LinearEpilogue { Alpha = _alpha, Columns = columns };
        if (_addend is not null) e.Add(_addend, (float*)c.InPointer(_addend.Operand));
        foreach (var (operand, same) in _adds) e.Append((float*)c.InPointer(operand), same);
        return e;
    }
}

/// <summary>y ← α·y + β·addend, then the fused additions, for a piece of a row.</summary>
internal unsafe struct LinearEpilogue : IGemmEpilogue
{
    /// <summary>Most fused additions.</summary>
    public const int MaxAdds = 4;

    private fixed long _adds[MaxAdds];
    private fixed bool _sameShape[MaxAdds];
    private int _count;

    public float Alpha, Beta;
    public float* Plus;
    public nint PlusRow, PlusColumn, Columns;

    public readonly bool IsEmpty => Alpha == 1 && Plus == null && _count == 0;

    public void Add(Addend addend, float* operand)
    {
        Plus = operand;
        (Beta, PlusRow, PlusColumn) = (addend.Factor, addend.Row, addend.Column);
    }

    public void Append(float* operand, bool sameShape)
    {
        _adds[_count] = (long)operand;
        _sameShape[_count++] = sameShape;
    }

    /// <summary>The same steps for a product whose result starts <paramref name="elements"/> into the whole.</summary>
    public readonly LinearEpilogue From(nint elements)
    {
        var e = this;
        for (int i = 0; i < _count; i++) if (_sameShape[i]) e._adds[i] += elements * sizeof(float);
        return e;
    }

    public readonly void Apply(int row, int column, Span<float> values)
    {
        if (Alpha != 1) for (int i = 0; i < values.Length; i++) values[i] *= Alpha;
        if (Plus != null)
        {
            float* plus = Plus + row * PlusRow + column * PlusColumn;
            if (PlusColumn == 0)
            {
                float v = Beta * *plus;
                for (int i = 0; i < values.Length; i++) values[i] += v;
            }
            else for (int i = 0; i < values.Length; i++) values[i] += Beta * plus[i];
        }
        for (int s = 0; s < _count; s++)
        {
            float* add = (float*)_adds[s] + (_sameShape[s] ? row * Columns : 0) + column;
            for (int i = 0; i < values.Length; i++) values[i] += add[i];
        }
    }
}
