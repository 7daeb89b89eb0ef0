using System.Runtime.InteropServices;
using Engine.Ptx.Code;
using Engine.Ptx.Memory;

namespace Engine.Ptx.Machine;

/// <summary>A thread of this machine that executes blocks, several in turn where they do not end.</summary>
internal sealed unsafe class Worker(Launch launch, int number, uint time) : IDisposable
{
    /// <summary>Passes over a block's warps before the next block has its turn.</summary>
    private const int Turn = 4096;

    private readonly Random _random = new(HashCode.Combine(launch.Options.Seed, number));
    private readonly List<nint> _allocations = [];
    private readonly Stack<Block> _idle = [];

    /// <summary>Counts events that order memory accesses.</summary>
    public uint Time = time;

    public long BytesRead;
    public long BytesWritten;
    public long Executed;

    public long[] Counts { get; } = new long[launch.Code.Steps.Length];

    public Random Random => _random;

    public void Run()
    {
        var resident = new List<Block>();
        int most = Math.Max(1, launch.Options.ResidentBlocks);
        bool more = true;
        while (!launch.Stopped)
        {
            if (more && resident.Count < most)
            {
                long index = launch.Next();
                more = index >= 0;
                if (more) resident.Add(Begin(index));
            }
            if (resident.Count == 0) return;
            for (int i = resident.Count - 1; i >= 0 && !launch.Stopped; i--)
            {
                if (!TryRun(resident[i])) continue;
                _idle.Push(resident[i]);
                resident.RemoveAt(i);
            }
        }
    }

    private Block Begin(long index)
    {
        Block block = _idle.Count > 0 ? _idle.Pop() : NewBlock();
        block.Start(index);
        launch.Noise(new Span<byte>(block.Shared, (int)launch.SharedBytes), _random);
        foreach (Warp warp in block.Warps)
        {
            launch.RegisterTemplate.CopyTo(new Span<byte>(warp.Registers, launch.RegisterTemplate.Length));
            Presets.FillWarp(warp);
            if (warp.LocalBytes > 0) launch.Noise(new Span<byte>(warp.Local, warp.LocalBytes * 32), _random);
        }
        return block;
    }

    private Block NewBlock()
    {
        KernelCode code = launch.Code;
        var warps = new Warp[(launch.Threads + 31) / 32];
        for (int i = 0; i < warps.Length; i++)
        {
            warps[i] = new Warp(i, Allocate(launch.RegisterTemplate.Length), (uint*)Allocate(code.File.Predicates * 4), Allocate((long)code.LocalBytes * 32), code.LocalBytes);
        }
        return new Block(launch, this, warps, Allocate(launch.SharedBytes));
    }

    private byte* Allocate(long bytes)
    {
        void* memory = NativeMemory.AlignedAlloc((nuint)(bytes + 64), 64);
        _allocations.Add((nint)memory);
        return (byte*)memory;
    }

    /// <returns>Whether the block is done.</returns>
    private bool TryRun(Block block)
    {
        Step[] steps = launch.Code.Steps;
        Warp[] warps = block.Warps;
        for (int pass = 0; pass < Turn && block.Left > 0 && !launch.Stopped; pass++)
        {
            int start = _random.Next(warps.Length);
            long before = Executed;
            for (int i = 0; i < warps.Length; i++)
            {
                Warp warp = warps[(start + i) % warps.Length];
                if (warp.State == WarpState.Ready) RunWarp(warp, steps);
                if (launch.Stopped) return false;
            }
            if (Executed == before && block.Left > 0) Stuck(block);
        }
        return block.Left == 0;
    }

    private void RunWarp(Warp warp, Step[] steps)
    {
        try
        {
            if (warp.HasSplits)
            {
                warp.Recount();
                if (_random.Next(4) == 0) warp.Rotate(_random);
            }
            int executed = Interpreter.Run(warp, steps, Counts, 1 + _random.Next(launch.Options.Slice));
            Executed += executed;
            launch.Spend(executed);
        }
        catch (KernelFaultException fault)
        {
            launch.Report(warp, fault.Lane, fault.Kind, fault.Message);
            launch.Stopped = true;
        }
    }

    private void Stuck(Block block)
    {
        Warp first = block.Warps.First(w => w.State != WarpState.Done);
        string waiting = string.Join("; ", block.Warps.Where(w => w.State == WarpState.Waiting).Select(w => $"warp {w.Index} at '{block.TextAt(w.Pc - 1)}'"));
        first.Pc--;
        launch.Report(first, -1, PtxFaultKind.Deadlock, $"no warp can go on: {waiting}");
        launch.Stopped = true;
    }

    public void Dispose()
    {
        foreach (nint memory in _allocations) NativeMemory.AlignedFree((void*)memory);
        _allocations.Clear();
    }
}
