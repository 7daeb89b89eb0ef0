using Engine.Kernels;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What a run does at least: the least time follows from the machine's limits.</summary>
/// <param name="Compute">The limit of its operations; null where only bytes count.</param>
/// <param name="Operations">Multiplies and adds, or whatever the kernel is judged by; 0 for kernels that only move bytes.</param>
/// <param name="Bytes">Operands read and results written, each once.</param>
internal readonly record struct KernelWork(LimitKind? Compute, double Operations, double Bytes);

/// <summary>One kernel on one shape, operands filled and packed: ready to run again and again.</summary>
/// <param name="Run">One run over the whole shape.</param>
/// <param name="Result">What the last run computed, in a layout that does not depend on the tier.</param>
/// <param name="Peer">The same operation for other engines, on the same operands; null where none is bound.</param>
/// <param name="Dense">The same operation by our kernel for dense operands, which writes the same result; null where the kernel is that one.</param>
internal sealed record KernelRun(Action Run, Func<Tensor> Result, PeerNode? Peer = null, Action? Dense = null);

/// <summary>A kernel and the shapes that it is measured on.</summary>
/// <param name="Stem">The kernel's name.</param>
/// <param name="Tables">Its tiers first, then the kernels that work for it.</param>
/// <param name="Axes">What the numbers of a shape mean: <c>m x n x k</c>.</param>
/// <param name="Shapes">Shapes of real networks.</param>
/// <param name="Work">What a run of a shape does.</param>
/// <param name="Prepare">Makes operands, always the same for a shape, and packs them for the tier that is selected.</param>
/// <param name="Tolerance">Largest difference to the reference, relative to the largest value of the result; 0 is exact.</param>
/// <param name="PeerTolerance">As <paramref name="Tolerance"/>, for peers: they may sum in another order, in f32 throughout, or round activations to codes by other groups.</param>
/// <param name="OneThread">True for a kernel that leaves the threads to its caller: it is measured on one.</param>
internal sealed record KernelFamily(
    string Stem, IReadOnlyList<IKernelTable> Tables, string Axes, string[] Shapes, Func<int[], KernelWork> Work, Func<int[], Workers, KernelRun> Prepare, double Tolerance = 1e-5, bool OneThread = false, double PeerTolerance = 1e-3)
{
    /// <summary>Tiers that this CPU runs, best first.</summary>
    public IReadOnlyList<string> Tiers => [.. Tables[0].SupportedTiers];

    /// <summary>The dispatcher's pick.</summary>
    public string Pick => Tables[0].Tier;

    /// <summary>Makes the process run a tier, or the dispatcher's picks again where null.</summary>
    public void Select(string? tier)
    {
        foreach (var t in Tables) t.Select(tier is null || t.SupportedTiers.Contains(tier) ? tier : null);
    }

    /// <summary>Reads <c>1024x1024x1024</c>; null where it has not as many numbers as there are axes.</summary>
    public int[]? Parse(string shape)
    {
        string[] parts = shape.Split('x');
        var dims = new int[parts.Length];
        for (int i = 0; i < dims.Length; i++)
            if (!int.TryParse(parts[i], out dims[i]) || dims[i] < 1) return null;
        return dims.Length == Axes.Split(" x ").Length ? dims : null;
    }
}
