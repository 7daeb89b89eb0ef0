using Engine.Graph.Streaming;
using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>
/// ONNX Scan: body(state…, slices…) → (state…, slices…) over the slices of the scan inputs; scanned outputs are stacked.
/// Opset 8 has a batch axis before the scan axis and optional sequence lengths as input 0.
/// </summary>
public sealed class Scan : Operator
{
    /// <summary>Reads the attributes.</summary>
    public Scan(Attributes a) : base(a)
    {
        Body = a.Graph("body");
        ScanInputs = checked((int)a.Int("num_scan_inputs"));
        HasBatch = a.Opset < 9;
        if (ScanInputs < 1 || ScanInputs > Body.Inputs.Count) throw new OperatorException($"num_scan_inputs is {ScanInputs}, the body takes {Body.Inputs.Count} inputs");
        InputAxes = a.Ints("scan_input_axes");
        OutputAxes = a.Ints("scan_output_axes");
        InputDirections = a.Ints(HasBatch ? "directions" : "scan_input_directions");
        OutputDirections = a.Ints("scan_output_directions");
    }

    /// <summary>The body.</summary>
    public ModelGraph Body { get; }

    /// <summary>Number of trailing inputs that are scanned.</summary>
    public int ScanInputs { get; }

    /// <summary>True for the batched form of opset 8.</summary>
    public bool HasBatch { get; }

    /// <summary>Axis scanned in each scan input; 0 where not given.</summary>
    public long[]? InputAxes { get; }

    /// <summary>Axis stacked in each scan output; 0 where not given.</summary>
    public long[]? OutputAxes { get; }

    /// <summary>1 scans an input backwards.</summary>
    public long[]? InputDirections { get; }

    /// <summary>1 stacks an output backwards.</summary>
    public long[]? OutputDirections { get; }

    /// <inheritdoc/>
    public override string Name => "Scan";

    /// <inheritdoc/>
    public override OperatorKind Kind => OperatorKind.Dynamic;

    /// <inheritdoc/>
    public override IReadOnlyList<ModelGraph> Subgraphs => [Body];

    /// <inheritdoc/>
    public override void Infer(InferContext c) { }

    /// <inheritdoc/>
    public override void Stream(StreamContext c)
    {
        if (HasBatch) throw c.Refuse("sequences have lengths of their own");
        if (InputDirections?.Any(d => d != 0) == true || OutputDirections?.Any(d => d != 0) == true) throw c.Refuse("it runs from the end of the signal");
        int states = c.InputCount - ScanInputs;
        StreamRecurrence.Scan(c, Body, states, Axes(InputAxes, ScanInputs), Axes(OutputAxes, Body.Outputs.Count - states));
    }

    private static long[] Axes(long[]? axes, int count) => [.. Enumerable.Range(0, Math.Max(0, count)).Select(i => axes is not null && i < axes.Length ? axes[i] : 0)];
}
