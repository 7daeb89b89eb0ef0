using Engine.Ptx.Code;

namespace Engine.Ptx.Machine;

/// <summary>One of a block's barriers.</summary>
internal sealed class BlockBarrier
{
    /// <summary>How many a block has.</summary>
    public const int Count = 16;

    /// <summary>Threads that take part; 0 for all.</summary>
    public int Expected;

    /// <summary>Threads that have arrived, lanes of a warp that exited before counted in.</summary>
    public int Arrived;

    /// <summary>Arrived warps, a bit each.</summary>
    public uint Warps;

    /// <summary>Of them, those that wait.</summary>
    public uint Waiting;
    public int Votes;
    public int Voters;
    public readonly BarrierOperation?[] Operations = new BarrierOperation?[32];

    public void Clear()
    {
        Expected = Arrived = Votes = Voters = 0;
        Warps = Waiting = 0;
    }
}
