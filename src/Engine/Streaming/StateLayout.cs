using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>How a state of a stream lies in memory: kernels keep delayed frames in the encoding of their neighbours, at the begin of the state's tensor.</summary>
/// <param name="Type">What it means: frames, or the state itself.</param>
/// <param name="Encoding">How it is stored.</param>
internal sealed record StateLayout(TensorType Type, Encoding Encoding)
{
    /// <summary>Bytes in use of the state's tensor.</summary>
    public int StoredBytes => Checked.Int(Encoding.StorageBytes(Type));

    /// <summary>Bytes of the plain tensor that it means.</summary>
    public int PlainBytes => Checked.Int(Type.Bytes);

    /// <summary>The layouts of all states, from the plans that run the hop.</summary>
    public static StateLayout[] Of(StreamPlan plan, IReadOnlyList<Plan> plans)
    {
        var layouts = plan.States.Select(s => new StateLayout(s.Type, Encoding.Plain)).ToArray();
        var index = plan.States.Select((s, i) => (s.Name, i)).ToDictionary(s => s.Name, s => s.i);
        foreach (var step in plans.SelectMany(p => p.Steps))
            if (step.Node is { Op: Delay { Frames: > 0 } op } n && n.Inputs[1] is { } state && index.TryGetValue(state.Name, out int i) && step.OutputTypes[0] is { } y)
                layouts[i] = new(new(y.Type.DType, y.Type.Shape.With(op.Axis(y.Type.Shape), op.Frames)), y.Encoding);
        return layouts;
    }

    /// <summary>Writes what a state means as a plain tensor.</summary>
    public void ToPlain(KernelRegistry kernels, ReadOnlySpan<byte> stored, Span<byte> plain) => Convert(kernels, Encoding, stored[..StoredBytes], Encoding.Plain, plain);

    /// <summary>Writes a plain tensor as the state.</summary>
    public void FromPlain(KernelRegistry kernels, ReadOnlySpan<byte> plain, Span<byte> stored) => Convert(kernels, Encoding.Plain, plain, Encoding, stored[..StoredBytes]);

    private unsafe void Convert(KernelRegistry kernels, Encoding from, ReadOnlySpan<byte> x, Encoding to, Span<byte> y)
    {
        if (from == to)
        {
            x.CopyTo(y);
            return;
        }
        var run = kernels.Converter(Type, from, to) ?? throw new UnsupportedException($"no conversion of a state {Type} from {from} to {to}");
        fixed (byte* px = x, py = y)
            run(new StepContext([(nint)px, (nint)py], [new ArgRef(0, 0, x.Length)], [new ArgRef(1, 0, y.Length)], [], Workers.Single, default));
    }
}
