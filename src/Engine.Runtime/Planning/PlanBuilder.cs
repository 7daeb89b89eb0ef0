using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// From a segment with concrete types to a plan: choose candidates, bind kernels, insert Convert steps, share memory, place buffers.
/// </summary>
internal sealed class PlanBuilder(KernelRegistry kernels, PackedWeights packed, PlanOptions options)
{
    private readonly NodeEvaluator _evaluator = new(kernels);
    private readonly Conversions _conversions = new(kernels);

    public PlanOptions Options { get; } = options;

    public Plan Build(SegmentSource source, IReadOnlyList<RuntimeValue> live, Workers workers)
    {
        var segment = Lowering.Run(source, live, _evaluator, packed.Dense);
        if (Options.Level >= 1)
        {
            AttentionFusion.Run(segment, kernels);
            GeluFusion.Run(segment, kernels);
            SwishFusion.Run(segment, kernels);
            LayerNormFusion.Run(segment, kernels);
            MaskFusion.Run(segment, kernels);
            if (Options.Level >= 2) BinaryFlatten.Run(segment, kernels);
            Fusion.Run(segment, kernels);
            if (Options.Level >= 2) SignFusion.Run(segment, kernels);
        }
        var choices = new CandidateChooser(segment, kernels, _conversions, Options).Run();
        var layout = new MemoryLayout(segment, source.Live, Options);
        foreach (var n in segment.Nodes) Emit(n, choices, segment, layout, workers);
        foreach (var v in segment.Outputs)
            if (layout.Stored(v) is not null) Wire(v, Encoding.Plain, segment, layout);
        var plan = layout.Finish(new PlanKey(source.Live, live, source.Pinned));
        if (plan.ArenaBytes > Options.MaxMemory)
            throw new MemoryLimitException($"the plan needs an arena of {plan.ArenaBytes} bytes, more than the limit of {Options.MaxMemory}");
        return plan;
    }

    private void Emit(LoweredNode n, Dictionary<LoweredNode, Choice> choices, LoweredSegment segment, MemoryLayout layout, Workers workers)
    {
        if (n.Node.Op.Kind == OperatorKind.View)
        {
            var from = Wire(n.Inputs[0]!, choices[n].Produces, segment, layout);
            if (Options.Level >= 1) layout.AddView(n.Outputs[0]!, n.OutTypes[0]!, from);
            else layout.AddCopy(n.Node, n.Outputs[0]!, n.OutTypes[0]!, from);
            return;
        }
        var choice = choices[n];
        var types = Fusion.Types(n, segment);
        var bound = choice.Elementwise is { } e ? Binder.Bind(choice.Candidate, Flat(types, e), packed, workers)
            : choice.Produces == Encoding.Plain && choice.Candidate.Accepts.Count == 0 ? BindFirst(choice.Candidate, types, workers)
            : Binder.Bind(choice.Candidate, types, packed, workers);
        var inputs = new PlannedBuffer?[n.Inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
            if (n.Inputs[i] is { } v && !bound.Context.IsConsumed(i)) inputs[i] = Wire(v, choice.Accept(i), segment, layout);
        var outputs = new PlannedBuffer?[n.Outputs.Count];
        for (int i = 0; i < outputs.Length; i++)
            if (n.Outputs[i] is { } v) outputs[i] = layout.Produce(v, n.OutTypes[i]!, i == 0 ? choice.Produces : choice.Candidate.ProducesBeside);
        layout.AddStep(n, bound, inputs, outputs, choice);
        foreach (var v in n.Outputs)
            if (v?.Quantization is { } q) Round(v, QuantizedEncoding.Of(q), layout);
    }

    // The first choice may not bind for these element types; another plain candidate may.
    private BoundKernel BindFirst(Candidate first, NodeTypes types, Workers workers)
    {
        try
        {
            return Binder.Bind(first, types, packed, workers);
        }
        catch (UnsupportedException)
        {
            return Binder.BindPlain(kernels, types, packed, workers);
        }
    }

    private static NodeTypes Flat(NodeTypes n, Encoding e)
    {
        TensorType Row(TensorType t) => new(t.DType, new Shape(e.StorageBytes(t) * 8 / t.DType.BitWidth()));
        return n with { Inputs = [.. n.Inputs.Select(t => Row(t!))], Outputs = [.. n.Outputs.Select(t => t is null ? null : Row(t))] };
    }

    // A wire with a grid is stored as codes: whoever reads it sees rounded values.
    private void Round(Value v, CodeEncoding codes, MemoryLayout layout)
    {
        if (layout.Stored(v) is { Encoding: CodeEncoding e } && e.Grid == codes.Grid) return;
        layout.Restore(v, Convert(v, layout.Stored(v)!, codes, layout));
    }

    /// <summary>The buffer of a wire in an encoding, converted here when it is stored in another.</summary>
    private PlannedBuffer Wire(Value v, Encoding want, LoweredSegment segment, MemoryLayout layout)
    {
        if (layout.Find(v, want) is { } ready) return ready;
        var stored = layout.Stored(v) ?? layout.Adopt(v, segment, packed);
        if (v.Quantization is { } q && stored.Encoding is not CodeEncoding && v.Constant is null)
        {
            Round(v, want is CodeEncoding e && e.Grid == q ? e : QuantizedEncoding.Of(q), layout);
            stored = layout.Stored(v)!;
        }
        return stored.Encoding == want ? stored : Convert(v, stored, want, layout);
    }

    private PlannedBuffer Convert(Value v, PlannedBuffer from, Encoding to, MemoryLayout layout)
    {
        if (_conversions.Find(from.Type, from.Encoding, to) is not { } conversion) throw new UnsupportedException($"wire '{v.Name}': no conversion of {from.Type} from {from.Encoding} to {to}");
        foreach (var next in conversion.Steps)
        {
            if (layout.Find(v, next) is not { } result)
            {
                result = layout.Produce(v, from.Type, next);
                layout.AddConvert(v, kernels.Converter(from.Type, from.Encoding, next)!, from, result);
            }
            from = result;
        }
        return from;
    }
}
