using System.Collections.Immutable;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// Building and reading sequences. Items lie in a persistent list, so that inserting in a loop copies no list.
/// </summary>
internal static class SequenceItems
{
    public static void Construct(SequenceConstruct _, DynamicContext c)
    {
        var items = ImmutableList.CreateBuilder<RuntimeValue>();
        for (int i = 0; i < c.InputCount; i++)
        {
            var t = c.Tensor(i);
            RequireType(t, c.Tensor(0).DType);
            items.Add(t);
        }
        c.Set(0, new TensorSequence(items.ToImmutable(), c.InputCount == 0 ? DType.Undefined : c.Tensor(0).DType));
    }

    public static void Empty(SequenceEmpty op, DynamicContext c) => c.Set(0, new TensorSequence(ImmutableList<RuntimeValue>.Empty, op.ElementType));

    public static void Insert(SequenceInsert _, DynamicContext c)
    {
        var (sequence, t) = (c.Sequence(0), c.Tensor(1));
        RequireType(t, ElementType(sequence));
        var items = Items(sequence);
        c.Set(0, new TensorSequence(items.Insert(Position(c, 2, items.Count, items.Count), t), t.DType));
    }

    public static void Erase(SequenceErase _, DynamicContext c)
    {
        var sequence = c.Sequence(0);
        var items = Items(sequence);
        c.Set(0, new TensorSequence(items.RemoveAt(Position(c, 1, items.Count - 1, items.Count - 1)), ElementType(sequence)));
    }

    public static void At(SequenceAt _, DynamicContext c)
    {
        var items = c.Sequence(0).Items;
        c.Tensor(1);
        c.Set(0, items[Position(c, 1, items.Count - 1, 0)]);
    }

    public static void Length(SequenceLength _, DynamicContext c)
    {
        var n = c.Allocate(DType.I64, Shape.Scalar);
        n.Span<long>()[0] = c.Sequence(0).Items.Count;
        c.Set(0, n);
    }

    private static ImmutableList<RuntimeValue> Items(TensorSequence s) => s.Items as ImmutableList<RuntimeValue> ?? [.. s.Items];

    private static DType ElementType(TensorSequence s) => s.Items.Count > 0 && s.Items[0] is Tensor t ? t.DType : s.ElementType;

    private static void RequireType(Tensor t, DType type)
    {
        if (type != DType.Undefined && t.DType != type) throw new OperatorException($"a tensor of {t.DType.Display()} does not fit a sequence of {type.Display()}");
    }

    // The value of input i in [0, last], negative ones counting from the end of the sequence.
    private static int Position(DynamicContext c, int i, int last, int fallback)
    {
        int length = c.Sequence(0).Items.Count;
        long p = c.Has(i) ? ScalarValue.ToLong(c.Tensor(i), "position") : fallback;
        long at = p < 0 ? p + length : p;
        if (at < 0 || at > last) throw new OperatorException($"position {p} is outside a sequence of {length}");
        return (int)at;
    }
}
