using Engine.Tensors;

namespace Engine.Formats;

/// <summary>Bytes that one load may take beside the files it reads; asked before every allocation whose size a file decides.</summary>
internal sealed class LoadBudget
{
    private readonly bool _fixed;
    private long _limit;

    private LoadBudget(long limit, bool isFixed) => (_limit, _fixed) = (limit, isFixed);

    // What a load may take when the caller sets no limit: the file once more, and room for small files. With the bytes of the
    // file itself that is twice its size and this.
    private const long Slack = 64L << 20;

    private long _taken;

    /// <summary>The budget for a file of <paramref name="fileBytes"/>.</summary>
    public static LoadBudget For(long fileBytes, long? maxMemory) => maxMemory is { } limit ? new(limit, true) : new(Checked.Add(fileBytes, Slack), false);

    /// <summary>Room for another file of <paramref name="fileBytes"/>, unless the caller set the limit.</summary>
    public void Raise(long fileBytes)
    {
        if (!_fixed) _limit = Checked.Add(_limit, fileBytes);
    }

    /// <summary>Bytes counted so far.</summary>
    public long Taken => _taken;

    /// <summary>Counts an allocation; throws when the sum would pass the limit.</summary>
    public void Take(long bytes, string what)
    {
        if (bytes > _limit - _taken) throw new MemoryLimitException($"{what} needs {bytes} bytes; the load has taken {_taken} of {_limit} (raise MaxMemory to allow more)");
        _taken += bytes;
    }
}
