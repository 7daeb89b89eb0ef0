using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>Bytes that one load may take beyond the file itself; asked before every allocation whose size the file decides.</summary>
internal sealed class LoadBudget(long limit)
{
    // What a load may take when the caller sets no limit: twice the file, and room for small files.
    private const long Slack = 64L << 20;

    private long _taken;

    /// <summary>The budget for a file of <paramref name="fileBytes"/>.</summary>
    public static LoadBudget For(long fileBytes, long? maxMemory) => new(maxMemory ?? Checked.Add(Checked.Mul(fileBytes, 2), Slack));

    /// <summary>Bytes counted so far.</summary>
    public long Taken => _taken;

    /// <summary>Counts an allocation; throws when the sum would pass the limit.</summary>
    public void Take(long bytes, string what)
    {
        if (bytes > limit - _taken) throw new MemoryLimitException($"{what} needs {bytes} bytes; the load has taken {_taken} of {limit} (raise MaxMemory to allow more)");
        _taken += bytes;
    }
}
