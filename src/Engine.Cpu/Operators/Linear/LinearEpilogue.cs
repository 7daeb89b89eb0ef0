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

/// <summary>What follows a product of rows: scale, addend, then activations and additions in order; made at bind time.</summary>
internal sealed class LinearSteps
{
    private readonly float _alpha;
    private readonly Addend? _addend;
    private readonly LinearEpilogue.Step[] _steps;

    /// <summary>The operator's own <paramref name="activation"/>, then the node's epilogue.</summary>
    public LinearSteps(BindContext b, float alpha, Addend? addend, Activation activation)
    {
        (_alpha, _addend) = (alpha, addend);
        var steps = new List<LinearEpilogue.Step>();
        if (activation != Activation.None) steps.Add(new(activation, -1, false));
        foreach (var e in b.Epilogue)
            if (e.Operand >= 0) steps.Add(new(default, e.Operand, b.In(e.Operand).Shape == b.Out(0).Shape));
            else if (ActivationsCpu.TryMap(e.Op, out var fused)) steps.Add(new(fused, -1, false));
            else throw b.Unsupported();
        _steps = [.. steps];
    }

    /// <summary>True when every fused step of the node can be applied row by row.</summary>
    public static bool Accepts(NodeTypes n) => n.Node.Epilogue.Count < LinearEpilogue.MaxSteps && n.Node.Epilogue.All(e => e.Operand < 0
        ? ActivationsCpu.TryMap(e.Op, out _)
        : e.Op is Graph.Operators.Add && IsRowOrSame(n.In(e.Operand).Shape, n.Out(0).Shape));

    private static bool IsRowOrSame(Shape s, Shape y) => s == y || y.Rank > 0 && s.Rank > 0 && s.Elements == y[-1] && s[-1] == y[-1];

    /// <summary>The steps against the memory of one run.</summary>
    public unsafe LinearEpilogue At(in StepContext c, int columns)
    {
        var e = new LinearEpilogue(_steps) { Alpha = _alpha, Columns = columns };
        if (_addend is not null) e.Add(_addend, (float*)c.InPointer(_addend.Operand));
        for (int i = 0; i < _steps.Length; i++)
            if (_steps[i].Operand >= 0) e.Resolve(i, (float*)c.InPointer(_steps[i].Operand));
        return e;
    }
}

/// <summary>y ← α·(y + sum) + β·addend, then the steps, for a piece of a row.</summary>
internal unsafe struct LinearEpilogue(LinearEpilogue.Step[] steps) : IGemmEpilogue
{
    /// <summary>Most steps.</summary>
    public const int MaxSteps = 6;

    /// <summary>An activation, or the addition of an operand: a row, or a tensor of the result's shape.</summary>
    internal readonly record struct Step(Activation Activation, int Operand, bool SameShape);

    private static readonly Step[] s_bias = [new(default, 0, false)];
    private fixed long _operands[MaxSteps];

    public float Alpha = 1, Beta = 0;
    public float* Plus = null;

    /// <summary>Added before anything else: rows of a product that is another part of the same sum, or null.</summary>
    public float* Sum = null;

    public nint PlusRow = 0, PlusColumn = 0, Columns = 0;

    /// <summary>Nothing to do.</summary>
    public static LinearEpilogue None => new([]);

    /// <summary>Addition of one row.</summary>
    public static LinearEpilogue Bias(float* row)
    {
        var e = new LinearEpilogue(s_bias);
        e.Resolve(0, row);
        return e;
    }

    public readonly bool IsEmpty => Sum == null && Alpha == 1 && Plus == null && steps.Length == 0;

    public void Add(Addend addend, float* operand)
    {
        Plus = operand;
        (Beta, PlusRow, PlusColumn) = (addend.Factor, addend.Row, addend.Column);
    }

    public void Resolve(int step, float* operand) => _operands[step] = (long)operand;

    /// <summary>The same steps for a product whose result starts <paramref name="elements"/> into the whole.</summary>
    public readonly LinearEpilogue From(nint elements)
    {
        var e = this;
        for (int i = 0; i < steps.Length; i++) if (steps[i].SameShape) e._operands[i] += elements * sizeof(float);
        return e;
    }

    /// <summary>The same steps for rows from <paramref name="row"/> on.</summary>
    public readonly LinearEpilogue FromRow(int row)
    {
        var e = From(row * Columns);
        e.Plus += row * PlusRow;
        e.Sum += Sum == null ? 0 : row * Columns;
        return e;
    }

    public readonly void Apply(int row, int column, Span<float> values)
    {
        if (Sum != null) BinaryLoop.Simd(default(AddOp), values, new ReadOnlySpan<float>(Sum + row * Columns + column, values.Length), values);
        if (Alpha != 1) BinaryLoop.Simd(default(MulOp), values, Alpha, values);
        if (Plus != null)
        {
            float* plus = Plus + row * PlusRow + column * PlusColumn;
            if (PlusColumn == 0) BinaryLoop.Simd(default(AddOp), values, Beta * *plus, values);
            else if (Beta == 1) BinaryLoop.Simd(default(AddOp), values, new ReadOnlySpan<float>(plus, values.Length), values);
            else
                for (int i = 0; i < values.Length; i++) values[i] += Beta * plus[i];
        }
        for (int s = 0; s < steps.Length; s++)
        {
            if (steps[s].Operand < 0)
            {
                steps[s].Activation.Apply(values);
                continue;
            }
            float* add = (float*)_operands[s] + (steps[s].SameShape ? row * Columns : 0) + column;
            BinaryLoop.Simd(default(AddOp), values, new ReadOnlySpan<float>(add, values.Length), values);
        }
    }
}
