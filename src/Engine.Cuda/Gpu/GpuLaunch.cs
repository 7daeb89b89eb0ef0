namespace Engine.Cuda;

/// <summary>A stretch of device memory.</summary>
/// <param name="Address">Address on the device.</param>
/// <param name="Bytes">Length.</param>
public readonly record struct GpuSpan(ulong Address, long Bytes)
{
    /// <summary>Nothing: what an argument left out points to.</summary>
    public static GpuSpan None => default;

    /// <summary>A part of it. Throws where it reaches beyond the end.</summary>
    public GpuSpan Slice(long offset, long bytes)
    {
        if (offset < 0 || bytes < 0 || offset > Bytes - bytes) throw new ArgumentOutOfRangeException(nameof(offset), $"{bytes} bytes at {offset} of {Bytes}");
        return new(Address + (ulong)offset, bytes);
    }
}

/// <summary>How a kernel is launched; a block's threads lie along x.</summary>
/// <param name="BlocksX">Blocks along x.</param>
/// <param name="BlocksY">Blocks along y.</param>
/// <param name="BlocksZ">Blocks along z.</param>
/// <param name="Threads">Threads a block.</param>
/// <param name="DynamicSharedBytes">Shared memory beside what the kernel declares.</param>
public readonly record struct GpuLaunch(uint BlocksX, uint BlocksY, uint BlocksZ, int Threads, int DynamicSharedBytes = 0);
