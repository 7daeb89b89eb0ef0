using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Kernels;

/// <summary>A product of panels in the native library: its tier on x64 and on Arm, where there is one, and how it is called.</summary>
internal readonly unsafe struct NativeTile(string stem, string x64, string? arm64 = null)
{
    // Products of 8 bits that take some ten microseconds: telling the garbage collector of less costs more than it would wait.
    private const long ShortProducts = 4_000_000;

    private readonly nint _run = NativeKernels.Find(stem, (IsArm ? arm64 : x64) ?? "");

    private static bool IsArm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>Name of the tier on this processor's kind.</summary>
    public string Tier { get; } = IsArm && arm64 is not null ? arm64 : x64;

    /// <summary>Whether the library was loaded and the CPU runs it.</summary>
    public bool Exists => _run != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run(in GemmU8S8.Tile t) => Run(t, 4L * t.Rows * t.Columns * t.Segments * t.Quads);

    /// <summary>Runs what the function takes, so many products.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run<T>(in T t, long products) where T : unmanaged
    {
        fixed (T* p = &t)
            if (products <= ShortProducts) ((delegate* unmanaged[SuppressGCTransition]<T*, void>)_run)(p);
            else ((delegate* unmanaged<T*, void>)_run)(p);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run(in GemmNmU8S8.Tile t)
    {
        fixed (GemmNmU8S8.Tile* p = &t)
            if (4L * t.Base.Rows * t.Base.Columns * t.Base.Segments * t.Base.Quads <= ShortProducts / 2) ((delegate* unmanaged[SuppressGCTransition]<GemmNmU8S8.Tile*, void>)_run)(p);
            else ((delegate* unmanaged<GemmNmU8S8.Tile*, void>)_run)(p);
    }
}
