using System.Diagnostics;
using System.Runtime.InteropServices;
using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>Runs one node on tensors, without a plan: for constant folding, tests, and string or dynamic nodes.</summary>
public sealed class NodeEvaluator(KernelRegistry kernels, Workers? workers = null) : IEvaluator
{
    private readonly Workers _workers = workers ?? Workers.Single;

    /// <inheritdoc/>
    public IReadOnlyList<RuntimeValue?>? Evaluate(Node node, IReadOnlyList<Tensor?> inputs) =>
        node.Op.IsRandom || node.Op.Subgraphs.Count > 0 || !kernels.Runs(node.Op) ? null : Run(node, inputs, default);

    /// <summary>Runs the node; <paramref name="subgraph"/> serves operators with graphs of their own.</summary>
    public IReadOnlyList<RuntimeValue?> Run(Node node, IReadOnlyList<RuntimeValue?> inputs, CancellationToken cancellation, SubgraphRunner? subgraph = null, Func<DType, Shape, Tensor>? allocate = null)
    {
        try
        {
            return RunCore(node, inputs, cancellation, subgraph, allocate ?? Tensor.Allocate);
        }
        catch (OperatorException e) when (e.Node is null)
        {
            throw new OperatorException(e.Detail, node.Describe(), e);
        }
        catch (Exception e) when (Faults.IsEscaped(e))
        {
            throw Faults.Escaped(e, node.Describe());
        }
    }

    private IReadOnlyList<RuntimeValue?> RunCore(Node node, IReadOnlyList<RuntimeValue?> inputs, CancellationToken cancellation, SubgraphRunner? subgraph, Func<DType, Shape, Tensor> allocate)
    {
        bool plain = inputs.All(i => i is null or Tensor);
        bool strings = inputs.Any(i => i is Tensor { DType: DType.String });
        if (plain && node.Op.Kind != OperatorKind.Dynamic && !(strings && !node.Op.MovesData))
        {
            var tensors = inputs.Select(i => i as Tensor).ToArray();
            return strings ? StringHandles.Run(tensors, t => RunStatic(node, t, allocate, cancellation)) ?? RunDynamic() : RunStatic(node, tensors, allocate, cancellation) ?? RunDynamic();
        }
        return RunDynamic();

        IReadOnlyList<RuntimeValue?> RunDynamic()
        {
            var fn = kernels.Dynamic(node.Op);
            if (fn is null)
            {
                if (strings && plain && node.Op.MovesData && StringHandles.Run([.. inputs.Select(i => i as Tensor)], t => RunStatic(node, t, allocate, cancellation)) is { } moved) return moved;
                throw new UnsupportedException($"{node.Describe()}: no kernel for inputs {string.Join(", ", inputs.Select(Display))}");
            }
            var c = new DynamicContext(node, inputs, _workers, allocate, subgraph ?? ((_, _) => throw new UnsupportedException($"{node.Describe()}: subgraphs cannot run here")), cancellation);
            fn(c);
            return c.Outputs;
        }
    }

    private static string Display(RuntimeValue? v) => v switch { null => "absent", Tensor t => t.ToString(), TensorSequence s => $"seq[{s.Items.Count}]", _ => "none" };

    private unsafe Tensor?[]? RunStatic(Node node, Tensor?[] inputs, Func<DType, Shape, Tensor> allocate, CancellationToken cancellation)
    {
        var types = inputs.Select(t => t?.Type).ToArray();
        var infer = new InferContext(types, inputs, node.Outputs.Count);
        node.Op.Infer(infer);
        var outTypes = infer.Outputs.Select((t, i) => node.Outputs[i] is null ? null : t).ToArray();
        for (int i = 0; i < outTypes.Length; i++)
            if (outTypes[i] is null && node.Outputs[i] is not null)
                return null;
        if (outTypes.Any(t => t is { DType: DType.String })) return null;
        if (node.Op.Kind == OperatorKind.View) return [inputs[0]!.Reshape(outTypes[0]!.Shape)];
        if (outTypes.Length > 0 && infer.OutputValues.Count == outTypes.Length && infer.OutputValues.All(v => v is not null)) return [.. infer.OutputValues];

        var n = new NodeTypes(node, types, outTypes, inputs, [.. inputs.Select(t => t is null ? null : (Weight)new Dense(t))]);
        var bound = Binder.BindPlain(kernels, n, new PackedWeights());
        var pointers = new List<nint>();
        var keep = new List<Tensor>();
        ArgRef Ref(Tensor? t)
        {
            if (t is null) return ArgRef.Absent;
            keep.Add(t);
            pointers.Add((nint)t.Pointer);
            return new ArgRef(pointers.Count - 1, 0, t.ByteLength);
        }
        var ins = inputs.Select((t, i) => bound.Context.IsConsumed(i) ? ArgRef.Absent : Ref(t)).ToArray();
        var outputs = outTypes.Select(t => t is null ? null : allocate(t.DType, t.Shape)).ToArray();
        var outs = outputs.Select(Ref).ToArray();
        var work = bound.Context.WorkBytes.Select(w => Ref(Tensor.Allocate(DType.U8, new Shape(w)))).ToArray();
        bound.Run(new StepContext(CollectionsMarshal.AsSpan(pointers), ins, outs, work, _workers, cancellation));
        GC.KeepAlive(keep);
        Debug.Assert(outputs.Length == node.Outputs.Count);
        return outputs;
    }
}

/// <summary>
/// Runs an operator that only moves data on strings: on their numbers, which it moves alike. The numbers pass as c64, a type of their
/// width that no shape, axis or index may have.
/// </summary>
internal static class StringHandles
{
    public static IReadOnlyList<RuntimeValue?>? Run(IReadOnlyList<Tensor?> inputs, Func<Tensor?[], Tensor?[]?> run)
    {
        List<string> table = [""];
        var handles = inputs.Select(t =>
        {
            if (t is not { DType: DType.String }) return t;
            var h = Tensor.Allocate(DType.C64, t.Shape);
            var s = Numbers(h);
            for (int i = 0; i < s.Length; i++)
            {
                s[i] = table.Count;
                table.Add(t.Strings[i]);
            }
            return h;
        }).ToArray();
        return run(handles)?.Select(t => t is { DType: DType.C64 } ? (RuntimeValue)new Tensor(t.Shape, [.. Numbers(t).ToArray().Select(Find)]) : t).ToArray();

        string Find(long h) => (ulong)h < (ulong)table.Count ? table[(int)h] : throw new OperatorException("strings and complex numbers are mixed");
    }

    private static Span<long> Numbers(Tensor t) => MemoryMarshal.Cast<byte, long>(t.Bytes);
}
