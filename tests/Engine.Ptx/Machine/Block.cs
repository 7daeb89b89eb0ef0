using System.Numerics;
using Engine.Ptx.Code;
using Engine.Ptx.Memory;

namespace Engine.Ptx.Machine;

/// <summary>A block of threads under way.</summary>
internal sealed unsafe class Block
{
    private readonly BlockBarrier[] _barriers = new BlockBarrier[BlockBarrier.Count];

    public Block(Launch launch, Worker worker, Warp[] warps, byte* shared)
    {
        Launch = launch;
        Worker = worker;
        Warps = warps;
        Shared = shared;
        SharedBytes = launch.SharedBytes;
        for (int i = 0; i < _barriers.Length; i++) _barriers[i] = new BlockBarrier();
        Order = new BlockOrder(warps.Length);
        if (launch.Options.Races != PtxRaceChecks.None) SharedShadow = new RaceShadow(launch.SharedBytes, "shared memory", 0);
    }

    public Launch Launch { get; }

    public Worker Worker { get; }

    public Warp[] Warps { get; }

    public readonly byte* Shared;

    public readonly long SharedBytes;

    public readonly RaceShadow? SharedShadow;

    /// <summary>What is ordered before what.</summary>
    public BlockOrder Order { get; }

    /// <summary>Linear.</summary>
    public long Index { get; private set; }

    public uint X { get; private set; }

    public uint Y { get; private set; }

    public uint Z { get; private set; }

    public int Left { get; private set; }

    public void Start(long index)
    {
        Index = index;
        X = (uint)(index % Launch.Grid.X);
        Y = (uint)(index / Launch.Grid.X % Launch.Grid.Y);
        Z = (uint)(index / Launch.Grid.X / Launch.Grid.Y);
        Left = Warps.Length;
        foreach (BlockBarrier barrier in _barriers) barrier.Clear();
        Order.Start(++Worker.Time);
        foreach (Warp warp in Warps) warp.Start(this, Launch.Threads);
    }

    public string TextAt(int pc) => Launch.Code.Steps[pc].Source.Text;

    public void OrderWarp(Warp warp) => Order.Warp(warp.Index, ++Worker.Time);

    public void OnExit(Warp warp)
    {
        Left--;
        foreach (BlockBarrier barrier in _barriers)
            if (barrier.Waiting != 0) TryFinish(barrier);
    }

    public void Arrive(Warp warp, int id, int expected, BarrierOperation operation, uint votes, uint mask)
    {
        BlockBarrier barrier = _barriers[id];
        uint bit = 1u << warp.Index;
        if (barrier.Warps != 0 && barrier.Expected != expected)
            throw new KernelFaultException(PtxFaultKind.Trap, -1, $"barrier {id} of {expected} threads is under way with {barrier.Expected}");
        barrier.Expected = expected;
        barrier.Arrived += 32;
        barrier.Warps |= bit;
        barrier.Votes += BitOperations.PopCount(votes);
        barrier.Voters += BitOperations.PopCount(mask);
        if (operation.Kind != BarrierKind.Arrive)
        {
            barrier.Waiting |= bit;
            barrier.Operations[warp.Index] = operation;
            warp.State = WarpState.Waiting;
        }
        if (expected > 0 && barrier.Arrived > expected)
            throw new KernelFaultException(PtxFaultKind.Trap, -1, $"{barrier.Arrived} threads at barrier {id} of {expected}");
        TryFinish(barrier);
    }

    private void TryFinish(BlockBarrier barrier)
    {
        if (barrier.Expected > 0 ? barrier.Arrived < barrier.Expected : BitOperations.PopCount(barrier.Warps) < Left + Exited(barrier.Warps)) return;
        uint time = ++Worker.Time;
        if (barrier.Expected == 0) Order.Everything(time);
        else Order.Some(barrier.Warps, time);
        for (uint m = barrier.Waiting; m != 0; m &= m - 1)
        {
            Warp warp = Warps[BitOperations.TrailingZeroCount(m)];
            warp.State = WarpState.Ready;
            barrier.Operations[warp.Index]!.Finish(warp, barrier.Votes, barrier.Voters);
        }
        barrier.Clear();
    }

    /// <summary>Warps that arrived without waiting and exited since.</summary>
    private int Exited(uint warps)
    {
        int exited = 0;
        for (uint m = warps; m != 0; m &= m - 1)
            if (Warps[BitOperations.TrailingZeroCount(m)].State == WarpState.Done) exited++;
        return exited;
    }
}
