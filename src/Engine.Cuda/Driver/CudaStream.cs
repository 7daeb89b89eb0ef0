namespace Engine.Cuda;

/// <summary>A queue of the driver.</summary>
internal sealed unsafe class CudaStream : IGpuStream
{
    // CU_STREAM_NON_BLOCKING, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, and the keys of cuLaunchKernel's extra.
    private const int NonBlocking = 1, ThreadLocal = 1, ParametersEnd = 0, ParametersPointer = 1, ParametersBytes = 2;

    private readonly CudaDevice _device;
    private readonly CudaDriver _driver;
    private readonly nint _stream;
    private bool _disposed;

    public CudaStream(CudaDevice device)
    {
        (_device, _driver) = (device, device.Driver);
        nint stream;
        _driver.Check(_driver.StreamCreate(&stream, NonBlocking), "stream");
        _stream = stream;
    }

    public void Launch(IGpuKernel kernel, in GpuLaunch launch, ReadOnlySpan<byte> arguments)
    {
        Enter();
        nuint bytes = (nuint)arguments.Length;
        fixed (byte* block = arguments)
        {
            void** extra = stackalloc void*[] { (void*)ParametersPointer, block, (void*)ParametersBytes, &bytes, (void*)ParametersEnd };
            int code = _driver.LaunchKernel(((CudaKernel)kernel).Function, launch.BlocksX, launch.BlocksY, launch.BlocksZ, (uint)launch.Threads, 1, 1, (uint)launch.DynamicSharedBytes, _stream, null, extra);
            if (code != 0) _driver.Check(code, $"launch of {kernel.Entry.Name}, {launch}");
        }
    }

    public void Upload(ReadOnlySpan<byte> source, GpuSpan target)
    {
        Enter();
        // The driver copies pageable memory to a buffer of its own before it returns.
        fixed (byte* p = source) _driver.Check(_driver.MemcpyHtoDAsync(target.Slice(0, source.Length).Address, p, (nuint)source.Length, _stream), "copy to the device");
    }

    public void Download(GpuSpan source, Span<byte> target)
    {
        Enter();
        fixed (byte* p = target) _driver.Check(_driver.MemcpyDtoHAsync(p, source.Slice(0, target.Length).Address, (nuint)target.Length, _stream), "copy from the device");
        _driver.Check(_driver.StreamSynchronize(_stream), "copy from the device");
    }

    public void Upload(IGpuHostBuffer source, GpuSpan target)
    {
        Enter();
        _driver.Check(_driver.MemcpyHtoDAsync(target.Slice(0, source.Bytes).Address, source.Pointer, (nuint)source.Bytes, _stream), "copy to the device");
    }

    public void Download(GpuSpan source, IGpuHostBuffer target)
    {
        Enter();
        _driver.Check(_driver.MemcpyDtoHAsync(target.Pointer, source.Slice(0, target.Bytes).Address, (nuint)target.Bytes, _stream), "copy from the device");
    }

    public void Copy(GpuSpan source, GpuSpan target)
    {
        Enter();
        _driver.Check(_driver.MemcpyDtoDAsync(target.Slice(0, source.Bytes).Address, source.Address, (nuint)source.Bytes, _stream), "copy within the device");
    }

    public void Fill(GpuSpan target, byte value)
    {
        Enter();
        _driver.Check(_driver.MemsetD8Async(target.Address, value, (nuint)target.Bytes, _stream), "fill");
    }

    public void Record(IGpuEvent e)
    {
        Enter();
        _driver.Check(_driver.EventRecord(((CudaEvent)e).Handle, _stream), "event");
    }

    public void Wait(IGpuEvent e)
    {
        Enter();
        _driver.Check(_driver.StreamWaitEvent(_stream, ((CudaEvent)e).Handle, 0), "wait for an event");
    }

    public void Synchronize()
    {
        Enter();
        _driver.Check(_driver.StreamSynchronize(_stream), "work queued before");
    }

    public void BeginCapture()
    {
        Enter();
        _driver.Check(_driver.StreamBeginCapture(_stream, ThreadLocal), "capture");
    }

    public IGpuGraph EndCapture()
    {
        Enter();
        nint graph;
        _driver.Check(_driver.StreamEndCapture(_stream, &graph), "end of the capture");
        return new CudaGraph(_device, graph);
    }

    public void Launch(IGpuGraph graph)
    {
        Enter();
        _driver.Check(_driver.GraphLaunch(((CudaGraph)graph).Executable, _stream), "launch of a graph");
    }

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _device.Enter();
    }

    public void Dispose()
    {
        if (_disposed) return;
        _device.Enter();
        _disposed = true;
        _ = _driver.StreamDestroy(_stream);
    }
}

/// <summary>An event of the driver that keeps time.</summary>
internal sealed unsafe class CudaEvent : IGpuEvent
{
    private readonly CudaDevice _device;
    private bool _disposed;

    public CudaEvent(CudaDevice device)
    {
        nint handle;
        device.Driver.Check(device.Driver.EventCreate(&handle, 0), "event");
        (_device, Handle) = (device, handle);
    }

    public nint Handle { get; }

    public float MillisecondsSince(IGpuEvent start)
    {
        _device.Enter();
        _device.Driver.Check(_device.Driver.EventSynchronize(Handle), "event");
        float milliseconds;
        _device.Driver.Check(_device.Driver.EventElapsedTime(&milliseconds, ((CudaEvent)start).Handle, Handle), "time between events");
        return milliseconds;
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _device.Enter();
        _ = _device.Driver.EventDestroy(Handle);
    }
}

/// <summary>A captured piece of work.</summary>
internal sealed unsafe class CudaGraph : IGpuGraph
{
    private readonly CudaDevice _device;
    private readonly nint _graph;
    private bool _disposed;

    public CudaGraph(CudaDevice device, nint graph)
    {
        (_device, _graph) = (device, graph);
        nint executable;
        nuint nodes = 0;
        device.Driver.Check(device.Driver.GraphGetNodes(graph, null, &nodes), "nodes of a graph");
        device.Driver.Check(device.Driver.GraphInstantiate(&executable, graph, 0), $"graph of {nodes} nodes");
        (Executable, Nodes) = (executable, (int)nodes);
    }

    public nint Executable { get; }

    public int Nodes { get; }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _device.Enter();
        _ = _device.Driver.GraphExecDestroy(Executable);
        _ = _device.Driver.GraphDestroy(_graph);
    }
}
