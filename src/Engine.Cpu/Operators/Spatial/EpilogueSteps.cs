using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>A node's fused steps, read at bind time; operands are resolved at run time.</summary>
internal sealed class EpilogueSteps
{
    private readonly (Activation Activation, int Operand)[] _steps;

    /// <summary>Takes the steps of a node that <see cref="Accepts(NodeTypes)"/> allows.</summary>
    public EpilogueSteps(BindContext b)
    {
        _steps = new (Activation, int)[b.Epilogue.Count];
        for (int i = 0; i < _steps.Length; i++) _steps[i] = (ActivationsCpu.TryMap(b.Epilogue[i].Op, out var a) ? a : Activation.None, b.Epilogue[i].Operand);
    }

    /// <summary>True when the node's steps can be fused: known activations, and additions of f32 tensors of the output's shape.</summary>
    public static bool Accepts(NodeTypes n) => n.Node.Epilogue.Count <= StoreEpilogue.MaxSteps && n.Node.Epilogue.All(e => Accepts(e, n));

    private static bool Accepts(EpilogueStep e, NodeTypes n) =>
        e.Operand < 0 ? ActivationsCpu.TryMap(e.Op, out _) : e.Op is Add && n.Has(e.Operand) && n.In(e.Operand) == n.Out(0) && n.Out(0).DType == DType.F32;

    /// <summary>True when input <paramref name="i"/> is the operator's own, not the operand of a fused step.</summary>
    public static bool IsOwnInput(Node node, int i) => node.Epilogue.All(e => e.Operand != i);

    /// <summary>Encodings for a node's inputs: <paramref name="own"/> for the operator's own, <paramref name="operand"/> for those of fused steps.</summary>
    public static Encoding?[] Accepted(NodeTypes n, Encoding operand, params ReadOnlySpan<Encoding?> own)
    {
        var accepts = new Encoding?[n.Inputs.Count];
        for (int i = 0; i < accepts.Length; i++) accepts[i] = !IsOwnInput(n.Node, i) ? operand : i < own.Length ? own[i] : null;
        return accepts;
    }

    /// <summary>The steps with the operands of a run.</summary>
    public unsafe StoreEpilogue At(in StepContext c)
    {
        var e = new StoreEpilogue();
        foreach (var (activation, operand) in _steps)
            if (operand < 0) e.Add(activation);
            else e.Add((float*)c.InPointer(operand));
        return e;
    }
}
