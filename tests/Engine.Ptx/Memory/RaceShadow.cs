using Engine.Ptx.Machine;

namespace Engine.Ptx.Memory;

internal enum AccessKind
{
    Read,
    Write,

    /// <summary>A write of what is already there, which harms nobody.</summary>
    SameWrite,

    /// <summary>Atomic accesses and strong loads and stores: no race with each other.</summary>
    Atomic,

    /// <summary>A strong load.</summary>
    StrongRead,

    /// <summary>An asynchronous copy that begins.</summary>
    AsyncWrite,

    /// <summary>An asynchronous copy that is done.</summary>
    AsyncDone,
}

/// <summary>
/// Last writer and readers of every word of 4 bytes with the times of their accesses, of every byte once one of less was touched. Of several readers the last is kept, and whether others of its
/// warp, or of other warps, read at the same stage.
/// </summary>
internal sealed class RaceShadow(long bytes, string name, ulong origin)
{
    private const uint Lanes = 32;
    private const uint ThreadMask = (1u << 27) - 1;
    private const uint Atomic = 1u << 31;
    private const uint Pending = 1u << 30;
    private const uint ManyInWarp = 1u << 29;
    private const uint Many = 1u << 28;

    private Word[] _words = new Word[bytes / 4 + 1];
    // Bytes of an entry, as a power of two.
    private int _shift = 2;

    private struct Word
    {
        public uint Writer;
        public uint WriteTime;
        public uint Reader;
        public uint ReadTime;
    }

    /// <summary>Notes an access and reports what it races with.</summary>
    public void Access(Warp warp, int lane, long offset, int bytes, AccessKind kind)
    {
        Block block = warp.Block;
        uint first = origin == 0 ? block.Order.Begin : block.Launch.FirstTime;
        uint thread = (uint)(block.Index * block.Warps.Length + warp.Index) * Lanes + (uint)lane;
        // Neighbours in a word are places of their own.
        if (_shift > 0 && ((offset | (uint)bytes) & 3) != 0) Split();
        for (long i = offset >> _shift; i <= (offset + bytes - 1) >> _shift; i++)
        {
            ref Word word = ref _words[i];
            if (word.WriteTime >= first) CheckWriter(warp, lane, thread, ref word, i, kind);
            if (kind is AccessKind.Write or AccessKind.Atomic or AccessKind.AsyncWrite && word.ReadTime >= first) CheckReader(warp, lane, thread, ref word, i, kind);
            Note(block, thread, ref word, kind, first);
        }
    }

    private void Split()
    {
        var entries = new Word[_words.Length << _shift];
        for (int i = 0; i < entries.Length; i++) entries[i] = _words[i >> _shift];
        (_words, _shift) = (entries, 0);
    }

    private void CheckWriter(Warp warp, int lane, uint thread, ref Word word, long index, AccessKind kind)
    {
        uint writer = word.Writer & ThreadMask;
        if (kind == AccessKind.AsyncDone) return;
        if ((word.Writer & Pending) != 0)
        {
            Report(warp, lane, PtxFaultKind.AsyncRace, $"{Name(kind)} of {Place(index)} before the asynchronous copy of {Thread(warp, writer)} was waited for");
            return;
        }
        if (kind == AccessKind.SameWrite || writer == thread || ((word.Writer & Atomic) != 0 && kind is AccessKind.Atomic or AccessKind.StrongRead)) return;
        if (IsOrdered(warp, writer, word.WriteTime)) return;
        Report(warp, lane, PtxFaultKind.Race, $"{Name(kind)} of {Place(index)} after {Thread(warp, writer)} wrote it, with nothing to order them");
    }

    private void CheckReader(Warp warp, int lane, uint thread, ref Word word, long index, AccessKind kind)
    {
        uint reader = word.Reader & ThreadMask;
        if ((word.Reader & (Many | ManyInWarp)) == 0 && reader == thread) return;
        // The other readers of the warp, or of other warps, read at the same stage as the last one.
        bool ordered = (word.Reader & Many) == 0
            ? IsOrdered(warp, reader, word.ReadTime)
            : word.ReadTime < warp.Block.Order.Epoch && reader / Lanes / (uint)warp.Block.Warps.Length == (uint)warp.Block.Index;
        if (!ordered) Report(warp, lane, PtxFaultKind.Race, $"{Name(kind)} of {Place(index)} after {Thread(warp, reader)} read it, with nothing to order them");
    }

    private static void Note(Block block, uint thread, ref Word word, AccessKind kind, uint first)
    {
        uint now = block.Worker.Time;
        switch (kind)
        {
            case AccessKind.Read:
                uint reader = word.Reader & ThreadMask;
                uint flags = 0;
                if (word.ReadTime >= block.Order.Epoch && word.ReadTime >= first && word.Reader != thread)
                    flags = reader / Lanes != thread / Lanes ? Many : (word.Reader & Many) | (reader != thread ? ManyInWarp : word.Reader & ManyInWarp);
                word.Reader = thread | flags;
                word.ReadTime = now;
                break;
            case AccessKind.Write or AccessKind.SameWrite: Set(ref word, thread, now); break;
            case AccessKind.Atomic: Set(ref word, thread | Atomic, now); break;
            case AccessKind.AsyncWrite: Set(ref word, thread | Pending, now); break;
            case AccessKind.AsyncDone:
                if (word.Writer == (thread | Pending)) Set(ref word, thread, now);
                break;
        }
    }

    private static void Set(ref Word word, uint writer, uint time)
    {
        word.Writer = writer;
        word.WriteTime = time;
    }

    private static bool IsOrdered(Warp warp, uint other, uint time)
    {
        Block block = warp.Block;
        uint warps = (uint)block.Warps.Length, otherBlock = other / Lanes / warps;
        if (otherBlock == (uint)block.Index) return block.Order.IsOrdered(warp.Index, (int)(other / Lanes % warps), time);
        return block.Launch.ReleasesOf(otherBlock) is { } releases && BlockOrder.IsReleased(releases, time, block.Order.Acquired);
    }

    private static string Name(AccessKind kind) => kind switch
    {
        AccessKind.Read or AccessKind.StrongRead => "read",
        AccessKind.Atomic => "atomic access",
        AccessKind.AsyncWrite => "asynchronous copy",
        _ => "write",
    };

    private string Place(long index) => origin == 0 ? $"{name} + {index << _shift}" : $"0x{origin + ((ulong)index << _shift):x} = '{name}' + {index << _shift}";

    private static string Thread(Warp warp, uint thread)
    {
        uint lanes = (uint)warp.Block.Warps.Length * Lanes;
        return thread / lanes == (uint)warp.Block.Index ? $"thread {thread % lanes}" : $"thread {thread % lanes} of block {thread / lanes}";
    }

    private static void Report(Warp warp, int lane, PtxFaultKind kind, string message) => warp.Block.Launch.Report(warp, lane, kind, message);
}
