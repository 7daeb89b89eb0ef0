using System.Runtime.InteropServices;

namespace Engine.Tests;

/// <summary>
/// Memory between two pages that nothing may touch: an operand flush with the end or the start makes a kernel crash that reads or
/// writes one byte too far. Without guards where the system is not Linux.
/// </summary>
internal sealed unsafe partial class GuardedBuffer : IDisposable
{
    private const int None = 0, ReadWrite = 3, PrivateAnonymous = 0x22;
    private readonly byte* _map;
    private readonly nuint _page = (nuint)Environment.SystemPageSize, _length;

    public GuardedBuffer(int bytes)
    {
        _length = ((nuint)bytes + _page - 1) / _page * _page;
        if (!OperatingSystem.IsLinux())
        {
            _map = (byte*)NativeMemory.AlignedAlloc(_length + 2 * _page, _page);
            return;
        }
        _map = Map(null, _length + 2 * _page, ReadWrite, PrivateAnonymous, -1, 0);
        if ((nint)_map == -1 || Protect(_map, _page, None) != 0 || Protect(_map + _page + _length, _page, None) != 0) throw new InvalidOperationException("no guarded memory");
    }

    /// <summary>The bytes between the guards.</summary>
    public Span<byte> Bytes => new(_map + _page, (int)_length);

    /// <summary>The first byte.</summary>
    public byte* Start => _map + _page;

    public void Dispose()
    {
        if (OperatingSystem.IsLinux()) _ = Unmap(_map, _length + 2 * _page);
        else NativeMemory.AlignedFree(_map);
    }

    [LibraryImport("libc", EntryPoint = "mmap"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial byte* Map(byte* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Protect(byte* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Unmap(byte* address, nuint length);
}
