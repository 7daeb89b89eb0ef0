using System.Collections.Immutable;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class SequenceMapCpu
{
    public static void Run(SequenceMap op, DynamicContext c)
    {
        int count = c.Sequence(0).Items.Count, outputs = c.Node.Outputs.Count;
        for (int k = 1; k < c.InputCount; k++)
            if (c.Input(k) is TensorSequence s && s.Items.Count != count) throw new OperatorException($"input {k} has {s.Items.Count} items, input 0 has {count}");
        if (op.Body.Outputs.Count < outputs) throw new OperatorException($"the body has {op.Body.Outputs.Count} outputs, the node {outputs}");

        var results = new ImmutableList<RuntimeValue>.Builder[outputs];
        for (int i = 0; i < outputs; i++) results[i] = ImmutableList.CreateBuilder<RuntimeValue>();
        var arguments = new RuntimeValue[c.InputCount];
        for (int at = 0; at < count; at++)
        {
            c.Cancellation.ThrowIfCancellationRequested();
            for (int k = 0; k < arguments.Length; k++) arguments[k] = c.Input(k) is TensorSequence s ? s.Items[at] : c.Input(k);
            var values = c.Run(op.Body, [.. arguments]);
            for (int i = 0; i < outputs; i++) results[i].Add(values[i]);
        }
        for (int i = 0; i < outputs; i++)
            if (c.Node.Outputs[i] is not null) c.Set(i, new TensorSequence(results[i].ToImmutable(), DeclaredType(op, i)));
    }

    // An empty result has no item to tell its element type by.
    private static DType DeclaredType(SequenceMap op, int output) => op.Body.Outputs[output].Declared is DeclaredType.Tensor t ? t.DType : DType.Undefined;
}
