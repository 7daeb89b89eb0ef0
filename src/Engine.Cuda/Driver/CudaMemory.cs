namespace Engine.Cuda;

/// <summary>Memory of a device, freed when it is disposed.</summary>
internal sealed unsafe class CudaBuffer : IGpuBuffer
{
    private readonly CudaDevice _device;
    private bool _disposed;

    public CudaBuffer(CudaDevice device, long bytes, string what)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        ulong address;
        device.Driver.Check(device.Driver.MemAlloc(&address, (nuint)bytes), $"{what}: {bytes} bytes of {device.Info.Name}");
        (_device, Span) = (device, new(address, bytes));
    }

    public GpuSpan Span { get; }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _device.Enter();
        _ = _device.Driver.MemFree(Span.Address);
    }
}

/// <summary>Pinned memory, freed when it is disposed.</summary>
internal sealed unsafe class CudaHostBuffer : IGpuHostBuffer
{
    private readonly CudaDevice _device;
    private bool _disposed;

    public CudaHostBuffer(CudaDevice device, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        nint pointer;
        device.Driver.Check(device.Driver.MemHostAlloc(&pointer, (nuint)bytes, 0), $"{bytes} bytes of pinned memory");
        (_device, Bytes) = (device, bytes);
        Pointer = (byte*)pointer;
    }

    public byte* Pointer { get; }

    public long Bytes { get; }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _device.Enter();
        _ = _device.Driver.MemFreeHost((nint)Pointer);
    }
}
