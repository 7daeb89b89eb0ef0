using System.Runtime.InteropServices;

namespace Engine.Kernels;

/// <summary>Binds threads to processors (Linux and Windows; elsewhere nothing happens).</summary>
public static unsafe partial class ThreadAffinity
{
    // cpu_set_t of the C library: 1024 bits.
    private const int SetBytes = 128;

    /// <summary>Binds the calling thread to one processor; false where the system refuses or knows no such call.</summary>
    public static bool Pin(int processor)
    {
        if (processor is < 0 or >= SetBytes * 8) return false;
        if (OperatingSystem.IsWindows()) return processor < 8 * sizeof(nint) && SetThreadAffinityMask(GetCurrentThread(), (nuint)1 << processor) != 0;
        if (!OperatingSystem.IsLinux()) return false;
        byte* set = stackalloc byte[SetBytes];
        set[processor / 8] = (byte)(1 << processor % 8);
        return SetAffinity(0, SetBytes, set) == 0;
    }

    /// <summary>The processors the calling thread may run on, in order; all of them where the system does not tell.</summary>
    public static int[] Allowed()
    {
        byte* set = stackalloc byte[SetBytes];
        if (!OperatingSystem.IsLinux() || GetAffinity(0, SetBytes, set) != 0) return [.. Enumerable.Range(0, Environment.ProcessorCount)];
        var allowed = new List<int>();
        for (int i = 0; i < SetBytes * 8; i++)
            if ((set[i / 8] >> i % 8 & 1) != 0) allowed.Add(i);
        return [.. allowed];
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint bytes, byte* set);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int GetAffinity(int thread, nuint bytes, byte* set);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentThread();

    [LibraryImport("kernel32")]
    private static partial nuint SetThreadAffinityMask(nint thread, nuint mask);
}
