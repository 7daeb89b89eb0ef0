using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Engine.Formats;

/// <summary>Which file a path or handle stands for, where the system tells (Linux): device, inode, and how many names it has.</summary>
internal sealed partial record FileIdentity(ulong Device, ulong Inode, uint Links)
{
    // <fcntl.h>, <sys/stat.h>; the same on every Linux architecture, like struct statx itself.
    private const int AtFdCwd = -100, AtEmptyPath = 0x1000;
    private const uint BasicStats = 0x7FF;
    private const int TypeMask = 0xF000, RegularFile = 0x8000;

    /// <summary>The file at a path; null where the system does not tell. What is no regular file is refused: opening a pipe may block.</summary>
    public static FileIdentity? Of(string path) => Stat(AtFdCwd, path, 0);

    /// <summary>The open file; null where the system does not tell.</summary>
    public static FileIdentity? Of(SafeFileHandle handle) => Stat((int)handle.DangerousGetHandle(), "", AtEmptyPath);

    private static FileIdentity? Stat(int directory, string path, int flags)
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            if (Statx(directory, path, flags, BasicStats, out var s) != 0) return null;
            if ((s.Mode & TypeMask) != RegularFile) throw new IOException("not a regular file");
            return new((ulong)s.DevMajor << 32 | s.DevMinor, s.Inode, s.Links);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Statx(int directory, string path, int flags, uint mask, out StatxBuffer buffer);

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxBuffer
    {
        [FieldOffset(16)] public uint Links;
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(136)] public uint DevMajor;
        [FieldOffset(140)] public uint DevMinor;
    }
}
