namespace Engine.Ptx.Memory;

/// <summary>What a lane did wrong, on its way to the <see cref="PtxFault"/> that says where.</summary>
internal sealed class KernelFaultException(PtxFaultKind kind, int lane, string message) : Exception(message)
{
    public PtxFaultKind Kind { get; } = kind;

    /// <summary>-1 where no single lane is to blame.</summary>
    public int Lane { get; } = lane;
}
