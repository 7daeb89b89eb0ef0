using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>A candidate bound to concrete types: the step, its workspaces, the inputs it took at bind time.</summary>
public sealed record BoundKernel(string Stem, StepFn Run, BindContext Context);

/// <summary>
/// Binds candidates. Kernels that lack a reduced float type are run through f32, and operators that only move data run packed
/// 4-bit elements as bytes: so that a kernel need not know every element type.
/// </summary>
public static class Binder
{
    /// <summary>Binds the first candidate that accepts the types, plain encodings only.</summary>
    public static BoundKernel BindPlain(KernelRegistry kernels, NodeTypes n, PackedWeights packed, Workers? workers = null)
    {
        UnsupportedException? why = null;
        foreach (var c in kernels.Candidates(n))
        {
            if (c.Produces != Encoding.Plain || c.Accepts.Any(a => a is not null && a != Encoding.Plain) || n.Node.Epilogue.Count > 0 && !c.FusesEpilogue) continue;
            try
            {
                return Bind(c, n, packed, workers);
            }
            catch (UnsupportedException e)
            {
                why ??= e;
            }
        }
        throw why ?? new UnsupportedException($"{n.Node.Describe()}: no kernel for this operator");
    }

    /// <summary>Binds one candidate; <paramref name="workers"/> pack its weights.</summary>
    public static BoundKernel Bind(Candidate c, NodeTypes n, PackedWeights packed, Workers? workers = null)
    {
        var b = new BindContext(n.Node, n.Inputs, n.Outputs, n.Values, n.Weights, packed) { InEncodings = [.. n.Inputs.Select((_, i) => c.Accept(i))], OutEncoding = c.Produces, Workers = workers ?? Workers.Single };
        try
        {
            return new(c.Stem, c.Bind(b), b);
        }
        catch (UnsupportedException) when (Adapters.For(n) is { } adapter)
        {
            return adapter(c, n, packed, b.Workers);
        }
        catch (OperatorException e) when (e.Node is null)
        {
            throw new OperatorException(e.Detail, n.Node.Describe(), e);
        }
        catch (Exception e) when (Faults.IsEscaped(e))
        {
            throw Faults.Escaped(e, n.Node.Describe());
        }
    }
}

/// <summary>Wraps a kernel between conversions of its operands.</summary>
internal static class Adapters
{
    /// <summary>The adapter that can help this node, or null.</summary>
    public static Func<Candidate, NodeTypes, PackedWeights, Workers, BoundKernel>? For(NodeTypes n)
    {
        var types = n.Inputs.Concat(n.Outputs).OfType<TensorType>().Select(t => t.DType).ToHashSet();
        if (types.Any(t => t.IsPacked()) && n.Node.Op.MovesData) return (c, m, p, workers) => Wrap(c, m, p, workers, t => t.IsPacked() ? DType.U8 : t);
        if (types.Any(FloatConvert.IsReduced)) return (c, m, p, workers) => Wrap(c, m, p, workers, t => FloatConvert.IsReduced(t) ? DType.F32 : t);
        return null;
    }

    private static BoundKernel Wrap(Candidate c, NodeTypes n, PackedWeights packed, Workers workers, Func<DType, DType> map)
    {
        TensorType? Map(TensorType? t) => t is null ? null : new TensorType(map(t.DType), t.Shape);
        var values = n.Values.Select((v, i) => v is null || n.Inputs[i] is null || map(v.DType) == v.DType ? v : Convert(v, map(v.DType))).ToList();
        // A widened constant is a dense weight of its own: kernels that pack see f32.
        var weights = n.Weights.Select((w, i) => w is null || n.Inputs[i] is null || map(w.DType) == w.DType ? w : packed.Get(w, "widened", d => Convert(d.Decode(), map(d.DType))) is var t ? new Dense(t) : null).ToList();
        var inner = new BindContext(n.Node, [.. n.Inputs.Select(Map)], [.. n.Outputs.Select(Map)], values, weights, packed) { InEncodings = [.. n.Inputs.Select((_, i) => c.Accept(i))], OutEncoding = c.Produces, Workers = workers };
        var run = c.Bind(inner);
        var outer = new BindContext(n.Node, n.Inputs, n.Outputs, n.Values, n.Weights, packed) { InEncodings = inner.InEncodings, OutEncoding = inner.OutEncoding };
        foreach (long w in inner.WorkBytes) outer.Work(w);
        int innerWork = inner.WorkBytes.Count;
        var ins = Buffers(n.Inputs, inner.Inputs, outer);
        var outs = Buffers(n.Outputs, inner.Outputs, outer);
        return new(c.Stem, (in StepContext s) => RunWrapped(s, run, n, inner, ins, outs, innerWork), outer);
    }

    private static int[] Buffers(IReadOnlyList<TensorType?> types, IReadOnlyList<TensorType?> mapped, BindContext outer) =>
        [.. types.Select((t, i) => t is null || t.DType == mapped[i]!.DType ? -1 : outer.Work(mapped[i]!.Bytes))];

    private static void RunWrapped(in StepContext s, StepFn run, NodeTypes n, BindContext inner, int[] ins, int[] outs, int innerWork)
    {
        Span<ArgRef> inRefs = stackalloc ArgRef[Math.Min(ins.Length, 64)], outRefs = stackalloc ArgRef[Math.Min(outs.Length, 64)];
        if (ins.Length > 64) inRefs = new ArgRef[ins.Length];
        if (outs.Length > 64) outRefs = new ArgRef[outs.Length];
        for (int i = 0; i < ins.Length; i++)
        {
            inRefs[i] = s.InputRefs[i];
            if (ins[i] < 0 || !s.Has(i)) continue;
            Convert(n.Inputs[i]!.DType, s.In<byte>(i), inner.Inputs[i]!.DType, s.Work<byte>(ins[i]), (int)n.Inputs[i]!.Elements);
            inRefs[i] = s.WorkRefs[ins[i]];
        }
        for (int i = 0; i < outs.Length; i++) outRefs[i] = outs[i] < 0 || s.OutputRefs[i].Slot < 0 ? s.OutputRefs[i] : s.WorkRefs[outs[i]];
        run(s.Rebind(inRefs, outRefs, s.WorkRefs[..innerWork]));
        for (int i = 0; i < outs.Length; i++)
            if (outs[i] >= 0 && s.OutputRefs[i].Slot >= 0)
                Convert(inner.Outputs[i]!.DType, s.Work<byte>(outs[i]), n.Outputs[i]!.DType, s.Out<byte>(i), (int)n.Outputs[i]!.Elements);
    }

    private static Tensor Convert(Tensor t, DType to)
    {
        var r = Tensor.Allocate(to, t.Shape);
        Convert(t.DType, t.Bytes, to, r.Bytes, t.Shape.Count);
        return r;
    }

    private static void Convert(DType from, ReadOnlySpan<byte> source, DType to, Span<byte> target, int elements)
    {
        if (to == DType.F32) FloatConvert.Widen(from, source, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(target)[..elements]);
        else if (from == DType.F32) FloatConvert.Narrow(to, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(source)[..elements], target);
        else if (from.IsPacked()) for (int i = 0; i < elements; i++) target[i] = (byte)Packed4.Get(source, i);
        else
        {
            target.Clear();
            for (int i = 0; i < elements; i++) Packed4.Set(target, i, source[i]);
        }
    }
}
