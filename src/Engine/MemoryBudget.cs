using Engine.Tensors;

namespace Engine;

/// <summary>Bytes taken by a model and its sessions, against a limit that is checked before memory is allocated.</summary>
internal sealed class MemoryBudget(long limit)
{
    private long _used;

    public long Used => Interlocked.Read(ref _used);

    public void Reserve(long bytes, string what)
    {
        long used = Interlocked.Add(ref _used, bytes);
        if (used <= limit) return;
        Interlocked.Add(ref _used, -bytes);
        throw new MemoryLimitException($"{what} of {bytes} bytes would take memory to {used} bytes, more than the limit of {limit}");
    }

    /// <summary>Throws when the bytes would not fit besides what is taken; takes nothing.</summary>
    public void Check(long bytes, string what)
    {
        if (bytes > limit - Used) throw new MemoryLimitException($"{what} of {bytes} bytes would exceed the limit of {limit} bytes; {Used} are taken");
    }

    public void Release(long bytes) => Interlocked.Add(ref _used, -bytes);
}
