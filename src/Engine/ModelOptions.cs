using Engine.Cpu;
using Engine.Graph;
using Engine.Runtime;
using Microsoft.Extensions.Logging;

namespace Engine;

/// <summary>How much of a model is checked when it is loaded.</summary>
public enum Verification
{
    /// <summary>The container and the graph's structure; a node without a kernel is reported when it is first planned, a damaged section of an engine file when it is first used.</summary>
    Header,
    /// <summary>Also that every node, those of branches not taken included, has a kernel, and that external data and the sections of an engine file have the checksums the model gives.</summary>
    Full,
}

/// <summary>How a model is loaded.</summary>
public sealed record ModelOptions
{
    /// <summary>Values for symbolic dimensions, as in <c>{"N": 1}</c>.</summary>
    public IReadOnlyDictionary<string, long> FreeDimensions { get; init; } = new Dictionary<string, long>();

    /// <summary>
    /// Most bytes that constants, packed weights and arenas of all sessions may take together, and any one value made at run time beside
    /// them. The default is three quarters of the memory that the process may use.
    /// </summary>
    public long MaxMemory { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;

    /// <summary>Reads files of any size into memory instead of mapping large ones: a file may then change while the model lives.</summary>
    public bool CopyFiles { get; init; }

    /// <summary>Folder of external data; null means that of the model's file, and for a model without a file none.</summary>
    public string? ExternalDataFolder { get; init; }

    /// <summary>Lets external data be a symbolic link or a file with several names, as package caches store them.</summary>
    public bool AllowLinkedExternalData { get; init; }

    /// <summary>0: node by node as the model says; 1: folding, fusion, shared memory; 2: also encodings other than row-major.</summary>
    public int OptimizationLevel { get; init; } = 2;

    /// <summary>
    /// Lets every product with a weight in codes round its activations to 8 bits, a scale a group: several times faster, and off by some 0.3 % of
    /// the largest activation. Without it only products whose model says so (accuracy_level 4 of MatMulNBits) do.
    /// </summary>
    public bool AllowInexact { get; init; }

    /// <summary>Ranks that low-rank weights keep in sessions that do not say otherwise; null for all.</summary>
    public RankLimit? Rank { get; init; }

    /// <summary>Adapters that are added to the weights once, at load: they cost nothing afterwards and cannot be taken off. Weights in codes become dense.</summary>
    public IReadOnlyList<Adapter> MergedAdapters { get; init; } = [];

    /// <summary>What is checked at load.</summary>
    public Verification Verification { get; init; } = Verification.Full;

    /// <summary>Largest number of plans kept for different input shapes.</summary>
    public int MaxPlans { get; init; } = 16;

    /// <summary>Operators that may occur; extend a copy of <see cref="OperatorRegistry.Standard"/> with your own.</summary>
    public OperatorRegistry Operators { get; init; } = OperatorRegistry.Standard;

    /// <summary>Kernels; extend a copy of <see cref="CpuKernels.Standard"/> with your own.</summary>
    public KernelRegistry Kernels { get; init; } = CpuKernels.Standard;

    /// <summary>Receives what is loaded and planned; null for none.</summary>
    public ILogger? Logger { get; init; }
}
