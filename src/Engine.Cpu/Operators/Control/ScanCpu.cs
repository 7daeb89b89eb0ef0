using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class ScanCpu
{
    public static void Run(Scan op, DynamicContext c)
    {
        if (!op.HasBatch)
        {
            var values = new Tensor[c.InputCount];
            for (int i = 0; i < values.Length; i++) values[i] = c.Tensor(i);
            var results = One(op, c, values, long.MaxValue, i => Axis(op.InputAxes, i));
            for (int i = 0; i < results.Length; i++) c.Set(i, results[i]);
            return;
        }
        // Opset 8: every operand has a leading batch axis; each batch item is a scan of its own length.
        int operands = c.InputCount - 1;
        if (operands < op.ScanInputs) throw new OperatorException($"{operands} inputs, expected at least {op.ScanInputs}");
        long[]? lengths = c.Has(0) ? c.Tensor(0).ToLongs() : null;
        long batch = c.Tensor(1).Shape is { Rank: > 0 } s ? s[0] : throw new OperatorException("scan operands need a batch axis");
        var stacks = new List<Tensor>[op.Body.Outputs.Count];
        for (int k = 0; k < stacks.Length; k++) stacks[k] = [];
        for (long b = 0; b < batch; b++)
        {
            var values = new Tensor[operands];
            for (int i = 0; i < operands; i++)
            {
                var x = c.Tensor(i + 1);
                if (x.Shape.Rank == 0 || x.Shape[0] != batch) throw new OperatorException($"input {i + 1} has shape {x.Shape}, expected batch {batch}");
                values[i] = Stack.Slice(c, x, 0, b);
            }
            if (lengths is not null && b >= lengths.Length) throw new OperatorException($"{lengths.Length} sequence lengths for batch {batch}");
            var results = One(op, c, values, lengths is null ? long.MaxValue : lengths[b], _ => 0);
            for (int k = 0; k < results.Length; k++) stacks[k].Add(results[k]);
        }
        for (int k = 0; k < stacks.Length; k++) c.Set(k, Stack.Join(c, stacks[k], 0, false, op.Body.Outputs[k].Declared));
    }

    private static int Axis(long[]? axes, int i) => axes is not null && i < axes.Length ? checked((int)axes[i]) : 0;

    private static Tensor[] One(Scan op, DynamicContext c, Tensor[] values, long limit, Func<int, int> axisOf)
    {
        int states = values.Length - op.ScanInputs, scans = op.Body.Outputs.Count - states;
        if (states < 0 || scans < 0 || op.Body.Inputs.Count != values.Length) throw new OperatorException($"the body takes {op.Body.Inputs.Count} inputs and gives {op.Body.Outputs.Count} outputs for {values.Length} operands");
        var axes = new int[op.ScanInputs];
        long length = -1;
        for (int i = 0; i < op.ScanInputs; i++)
        {
            var shape = values[states + i].Shape;
            axes[i] = shape.Axis(axisOf(i));
            if (shape.Rank == 0 || length >= 0 && shape[axes[i]] != length) throw new OperatorException($"scan input {i} has shape {shape}, expected length {length} along axis {axes[i]}");
            length = shape[axes[i]];
        }
        length = Math.Min(length, limit);
        var state = values[..states];
        var stacks = new List<Tensor>[scans];
        for (int s = 0; s < scans; s++) stacks[s] = [];
        for (long t = 0; t < length; t++)
        {
            c.Cancellation.ThrowIfCancellationRequested();
            var operands = new List<RuntimeValue>(state);
            for (int i = 0; i < op.ScanInputs; i++)
                operands.Add(Stack.Slice(c, values[states + i], axes[i], Axis(op.InputDirections, i) != 0 ? values[states + i].Shape[axes[i]] - 1 - t : t));
            var results = c.Run(op.Body, operands);
            for (int k = 0; k < states; k++) state[k] = (Tensor)results[k];
            for (int s = 0; s < scans; s++) stacks[s].Add((Tensor)results[states + s]);
        }
        return [.. state, .. stacks.Select((s, i) => Stack.Join(c, s, Axis(op.OutputAxes, i), Axis(op.OutputDirections, i) != 0, op.Body.Outputs[states + i].Declared))];
    }
}
