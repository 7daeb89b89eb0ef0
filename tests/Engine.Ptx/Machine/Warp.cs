using System.Numerics;
using Engine.Ptx.Memory;

namespace Engine.Ptx.Machine;

internal enum WarpState
{
    Ready,

    /// <summary>At a barrier of the block.</summary>
    Waiting,
    Done,
}

/// <summary>32 lanes. Lanes at one place are a split; the current one stands in <see cref="Pc"/> and <see cref="Active"/>.</summary>
internal sealed unsafe class Warp(int index, byte* registers, uint* predicates, byte* local, int localBytes)
{
    private readonly int[] _pcs = new int[32];
    private readonly uint[] _masks = new uint[32];
    private readonly bool[] _parked = new bool[32];
    private int _splits;

    public readonly byte* Registers = registers;
    public readonly uint* Predicates = predicates;
    public readonly byte* Local = local;
    public readonly int LocalBytes = localBytes;
    public readonly int Index = index;
    public Block Block = null!;
    public WarpState State;
    public int Pc;

    /// <summary>Lanes that have not exited.</summary>
    public uint Live;

    /// <summary>Lanes at <see cref="Pc"/>.</summary>
    public uint Active;

    /// <summary>The lowest place of another split that can go on; the current one must not pass it.</summary>
    public int NextMerge;

    /// <summary>Asynchronous copies under way.</summary>
    public AsyncCopies? Copies;

    /// <summary>The add-with-carry flag of every lane.</summary>
    public uint Carry;

    public void Start(Block block, int threads)
    {
        Block = block;
        State = WarpState.Ready;
        Pc = 0;
        Live = Active = threads - Index * 32 >= 32 ? uint.MaxValue : (1u << (threads - Index * 32)) - 1;
        NextMerge = int.MaxValue;
        Carry = 0;
        _splits = 0;
        Copies?.Clear();
    }

    /// <summary>Lanes of <paramref name="taken"/> go to <paramref name="target"/>, the others of the split on.</summary>
    public void Branch(uint taken, int target)
    {
        uint others = Active & ~taken;
        if (others == 0)
        {
            Pc = target;
        }
        else if (taken == 0)
        {
            Pc++;
        }
        else if (target > Pc + 1)
        {
            Push(target, taken, parked: false);
            Active = others;
            Pc++;
        }
        else
        {
            Push(Pc + 1, others, parked: false);
            Active = taken;
            Pc = target;
        }
    }

    /// <summary>Lanes each go where <paramref name="target"/> says.</summary>
    public void Scatter(uint lanes, Func<int, int> target)
    {
        uint others = Active & ~lanes;
        if (others != 0) Push(Pc + 1, others, parked: false);
        for (uint m = lanes; m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            Push(target(lane), 1u << lane, parked: false);
        }
        Active = 0;
        PickLowest();
    }

    private void Push(int pc, uint mask, bool parked)
    {
        if (!parked) NextMerge = Math.Min(NextMerge, pc);
        for (int i = 0; i < _splits; i++)
        {
            if (_pcs[i] != pc) continue;
            _masks[i] |= mask;
            _parked[i] &= parked;
            return;
        }
        _pcs[_splits] = pc;
        _masks[_splits] = mask;
        _parked[_splits++] = parked;
    }

    /// <summary>Joins lanes that stand at one place, and goes on with those that are furthest behind.</summary>
    public void Merge()
    {
        Push(Pc, Active, parked: false);
        Active = 0;
        PickLowest();
    }

    /// <summary>Puts the current split aside until others of its lanes have come.</summary>
    public void Park()
    {
        Push(Pc, Active, parked: true);
        Active = 0;
        if (PickLowest()) return;
        string places = string.Join(", ", Enumerable.Range(0, _splits).Select(i => $"0x{_masks[i]:x8} at '{Block.TextAt(_pcs[i])}'"));
        throw new KernelFaultException(PtxFaultKind.Divergence, -1, $"lanes wait for each other: {places}");
    }

    /// <summary>Takes in lanes that wait at the current place.</summary>
    public void JoinHere()
    {
        for (int i = 0; i < _splits; i++)
        {
            if (_pcs[i] != Pc) continue;
            Active |= _masks[i];
            Remove(i);
            return;
        }
    }

    /// <summary>Ends lanes; the warp goes on with others, or is done.</summary>
    public void Exit(uint lanes)
    {
        Live &= ~lanes;
        Active &= ~lanes;
        for (int i = 0; i < _splits; i++) _parked[i] = false;
        if (Active != 0)
        {
            Pc++;
            Recount();
        }
        else if (Live == 0)
        {
            State = WarpState.Done;
        }
        else
        {
            PickLowest();
        }
    }

    /// <summary>Goes on with another split for a while, as independent lanes may.</summary>
    public void Rotate(Random random)
    {
        if (_splits == 0) return;
        int i = random.Next(_splits);
        if (_parked[i]) return;
        (int pc, uint mask) = (_pcs[i], _masks[i]);
        Remove(i);
        Push(Pc, Active, parked: false);
        Pc = pc;
        Active = mask;
        NextMerge = int.MaxValue;
    }

    /// <summary>Ends what <see cref="Rotate"/> began.</summary>
    public void Recount()
    {
        NextMerge = int.MaxValue;
        for (int i = 0; i < _splits; i++)
            if (!_parked[i]) NextMerge = Math.Min(NextMerge, _pcs[i]);
    }

    public bool HasSplits => _splits > 0;

    private bool PickLowest()
    {
        int lowest = -1;
        for (int i = 0; i < _splits; i++)
            if (!_parked[i] && (lowest < 0 || _pcs[i] < _pcs[lowest])) lowest = i;
        if (lowest < 0) return false;
        Pc = _pcs[lowest];
        Active = _masks[lowest];
        Remove(lowest);
        Recount();
        return true;
    }

    private void Remove(int i)
    {
        _splits--;
        _pcs[i] = _pcs[_splits];
        _masks[i] = _masks[_splits];
        _parked[i] = _parked[_splits];
    }
}
