using Engine.Tensors;

namespace Engine.Formats;

/// <summary>
/// Writes a file as a whole or not at all: into a temporary file beside it, flushed to the disk, then renamed over the target. Whatever
/// happens on the way (an error, a full disk, the end of the process), the target is the old file or the new one.
/// </summary>
public static class AtomicFile
{
    /// <summary>Ends the names of temporary files. One left by a process that was killed is overwritten by the next write of the same target.</summary>
    public const string TemporarySuffix = ".partial";

    private const int BufferBytes = 1 << 20;

    /// <summary>Writes <paramref name="path"/>; the temporary file is removed on errors. Throws <see cref="FileWriteException"/>.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = path + TemporarySuffix;
        bool created = false;
        try
        {
            using (var f = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, BufferBytes))
            {
                created = true;
                write(f);
                f.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            if (created) Remove(temporary);
            if (e is IOException or UnauthorizedAccessException) throw new FileWriteException($"cannot be written: {e.Message}", path, e);
            throw;
        }
    }

    private static void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that led here says more.
        }
    }
}
