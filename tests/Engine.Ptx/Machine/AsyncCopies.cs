using Engine.Ptx.Memory;

namespace Engine.Ptx.Machine;

/// <summary>A copy from global to shared memory that was begun and not yet waited for. Bytes past <paramref name="Read"/> become zeros.</summary>
internal readonly record struct AsyncCopy(int Lane, uint Target, ulong Source, int Bytes, int Read);

/// <summary>A warp's asynchronous copies: every lane commits groups of its own.</summary>
internal sealed unsafe class AsyncCopies(Warp warp, bool eager)
{
    private readonly List<AsyncCopy>[] _open = Lists();
    private readonly Queue<List<AsyncCopy>>[] _groups = [.. Enumerable.Range(0, 32).Select(_ => new Queue<List<AsyncCopy>>())];
    private readonly Stack<List<AsyncCopy>> _idle = [];

    private static List<AsyncCopy>[] Lists() => [.. Enumerable.Range(0, 32).Select(_ => new List<AsyncCopy>())];

    public void Clear()
    {
        for (int lane = 0; lane < 32; lane++)
        {
            _open[lane].Clear();
            _groups[lane].Clear();
        }
    }

    public void Begin(AsyncCopy copy)
    {
        SharedSpace.Find(warp, copy.Target, copy.Bytes, copy.Lane, write: true);
        SharedSpace.Note(warp, copy.Target, copy.Bytes, copy.Lane, AccessKind.AsyncWrite);
        Check(copy);
        if (eager) Move(copy);
        _open[copy.Lane].Add(copy);
    }

    public void Commit(int lane)
    {
        _groups[lane].Enqueue(_open[lane]);
        _open[lane] = _idle.Count > 0 ? _idle.Pop() : [];
    }

    /// <summary>Finishes all groups of a lane but the newest <paramref name="pending"/>.</summary>
    public void Wait(int lane, int pending)
    {
        while (_groups[lane].Count > pending)
        {
            List<AsyncCopy> group = _groups[lane].Dequeue();
            Finish(group);
            _idle.Push(group);
        }
    }

    /// <summary>Finishes all that a lane began.</summary>
    public void WaitAll(int lane)
    {
        Wait(lane, 0);
        Finish(_open[lane]);
    }

    private void Finish(List<AsyncCopy> group)
    {
        foreach (AsyncCopy copy in group)
        {
            if (!eager) Move(copy);
            SharedSpace.Note(warp, copy.Target, copy.Bytes, copy.Lane, AccessKind.AsyncDone);
        }
        group.Clear();
    }

    /// <summary>Checks the source when the copy begins, even where it is read later.</summary>
    private void Check(AsyncCopy copy)
    {
        if ((copy.Source & (uint)(copy.Bytes - 1)) != 0)
            throw new KernelFaultException(PtxFaultKind.Misaligned, copy.Lane, $"asynchronous copy of {copy.Bytes} bytes from {warp.Block.Launch.Memory.Describe(copy.Source)}");
        for (int at = 0; at < copy.Read;)
        {
            int bytes = Piece(copy, at);
            GlobalSpace.Find(warp, copy.Source + (uint)at, bytes, copy.Lane, write: false);
            GlobalSpace.Note(warp, copy.Source + (uint)at, bytes, copy.Lane, AccessKind.Read);
            at += bytes;
        }
    }

    private void Move(AsyncCopy copy)
    {
        byte* target = warp.Block.Shared + copy.Target;
        for (int at = 0; at < copy.Read;)
        {
            int bytes = Piece(copy, at);
            byte* source = warp.Block.Launch.Memory.Read(copy.Source + (uint)at, bytes, copy.Lane);
            Buffer.MemoryCopy(source, target + at, bytes, bytes);
            at += bytes;
        }
        new Span<byte>(target + copy.Read, copy.Bytes - copy.Read).Clear();
    }

    /// <summary>The largest power of two of bytes that an access from <paramref name="at"/> may have.</summary>
    private static int Piece(AsyncCopy copy, int at)
    {
        int bytes = 16;
        while (bytes > copy.Read - at || (at & (bytes - 1)) != 0 || bytes > copy.Bytes) bytes >>= 1;
        return bytes;
    }
}
