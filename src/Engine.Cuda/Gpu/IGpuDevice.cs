namespace Engine.Cuda;

/// <summary>
/// A device that runs the PTX of <c>kernels/</c>: one of the driver, or the interpreter of the tests. Launchers know nothing else of it. Members of one device may be
/// called from any thread, those of one stream from one at a time. Whatever fails throws <see cref="GpuException"/>.
/// </summary>
public interface IGpuDevice : IDisposable
{
    /// <summary>What it is.</summary>
    GpuDeviceInfo Info { get; }

    /// <summary>Loads a file of kernels, compiled for this device where that is not in the cache yet.</summary>
    IGpuModule Load(KernelFile file);

    /// <summary>Memory of the device, aligned to 256 bytes, its content undefined.</summary>
    /// <param name="bytes">Length, above zero.</param>
    /// <param name="what">What it is for, for messages.</param>
    IGpuBuffer Allocate(long bytes, string what);

    /// <summary>Memory of the CPU that the device copies from and to without a detour.</summary>
    IGpuHostBuffer AllocateHost(long bytes);

    /// <summary>A queue of work of its own.</summary>
    IGpuStream CreateStream();

    /// <summary>A point in time in a queue.</summary>
    IGpuEvent CreateEvent();
}

/// <summary>A loaded file of kernels.</summary>
public interface IGpuModule : IDisposable
{
    /// <summary>The file.</summary>
    KernelFile File { get; }

    /// <summary>What the driver's compiler printed; empty where it did not run.</summary>
    string Log { get; }

    /// <summary>An entry of the file.</summary>
    IGpuKernel Kernel(KernelEntry entry);
}

/// <summary>A kernel that can be launched.</summary>
public interface IGpuKernel
{
    /// <summary>What the manifest says of it.</summary>
    KernelEntry Entry { get; }

    /// <summary>Registers a thread; 0 where the device does not say.</summary>
    int Registers { get; }

    /// <summary>Bytes of local memory a thread: spilled registers and arrays.</summary>
    int LocalBytes { get; }

    /// <summary>Blocks that one multiprocessor holds at a time.</summary>
    int BlocksPerMultiprocessor(int threads, int dynamicSharedBytes);
}

/// <summary>Memory of the device.</summary>
public interface IGpuBuffer : IDisposable
{
    /// <summary>Where it lies.</summary>
    GpuSpan Span { get; }
}

/// <summary>Pinned memory of the CPU.</summary>
public unsafe interface IGpuHostBuffer : IDisposable
{
    /// <summary>Where it lies.</summary>
    byte* Pointer { get; }

    /// <summary>Length in bytes.</summary>
    long Bytes { get; }
}

/// <summary>A point in time in a queue.</summary>
public interface IGpuEvent : IDisposable
{
    /// <summary>Milliseconds between <paramref name="start"/> and this event, both reached; NaN where the device keeps no time.</summary>
    float MillisecondsSince(IGpuEvent start);
}

/// <summary>Work that was captured from a stream, to be launched again as a whole.</summary>
public interface IGpuGraph : IDisposable
{
    /// <summary>Kernels and copies in it.</summary>
    int Nodes { get; }
}

/// <summary>A queue of work: what is put in runs in order, later than the call returns.</summary>
public interface IGpuStream : IDisposable
{
    /// <summary>Queues a kernel; the arguments are as the manifest lays them out (<see cref="KernelArguments"/>).</summary>
    void Launch(IGpuKernel kernel, in GpuLaunch launch, ReadOnlySpan<byte> arguments);

    /// <summary>Queues a copy to the device. The source has been read when this returns.</summary>
    void Upload(ReadOnlySpan<byte> source, GpuSpan target);

    /// <summary>Waits for what was queued and copies from the device.</summary>
    void Download(GpuSpan source, Span<byte> target);

    /// <summary>Queues a copy from pinned memory, which must stay as it is until the stream has run.</summary>
    void Upload(IGpuHostBuffer source, GpuSpan target);

    /// <summary>Queues a copy to pinned memory, there when the stream has run.</summary>
    void Download(GpuSpan source, IGpuHostBuffer target);

    /// <summary>Queues a copy within the device.</summary>
    void Copy(GpuSpan source, GpuSpan target);

    /// <summary>Queues a fill with one byte.</summary>
    void Fill(GpuSpan target, byte value);

    /// <summary>Queues an event.</summary>
    void Record(IGpuEvent e);

    /// <summary>What is queued from now on waits for the event of another stream.</summary>
    void Wait(IGpuEvent e);

    /// <summary>Waits until everything queued has run. Throws what a kernel did wrong.</summary>
    void Synchronize();

    /// <summary>From now on work is captured, not run.</summary>
    void BeginCapture();

    /// <summary>The work since <see cref="BeginCapture"/>, ready to be launched.</summary>
    IGpuGraph EndCapture();

    /// <summary>Queues captured work.</summary>
    void Launch(IGpuGraph graph);
}
