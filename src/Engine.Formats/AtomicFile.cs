using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Formats;

/// <summary>
/// Writes a file as a whole or not at all: into a temporary file beside it, flushed to the disk, then renamed over the target, and the folder flushed. Whatever
/// happens on the way (an error, a full disk, the end of the process), the target is the old file or the new one.
/// </summary>
public static partial class AtomicFile
{
    /// <summary>Ends the names of temporary files. One left by a process that was killed is overwritten by the next write of the same target.</summary>
    public const string TemporarySuffix = ".partial";

    private const int BufferBytes = 1 << 20;

    // O_RDONLY of every POSIX system.
    private const int ReadOnly = 0;

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
            created = false;
            FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e)
        {
            if (created) Remove(temporary);
            // .NET reports a file that may not grow further as an argument out of range.
            if (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" }) throw new FileWriteException($"cannot be written: {e.Message}", path, e);
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

    // A rename is on the disk once its folder is; elsewhere than on POSIX systems the system sees to it.
    private static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        int f = Open(folder, ReadOnly);
        if (f < 0) throw new IOException($"the folder cannot be opened (error {Marshal.GetLastPInvokeError()})");
        try
        {
            if (Sync(f) != 0) throw new IOException($"the folder cannot be flushed to the disk (error {Marshal.GetLastPInvokeError()})");
        }
        finally
        {
            _ = Close(f);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Sync(int file);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int file);
}
