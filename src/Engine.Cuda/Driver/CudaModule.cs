using System.Text;

namespace Engine.Cuda;

/// <summary>A file of kernels, compiled by the driver or taken from the cache.</summary>
internal sealed unsafe class CudaModule : IGpuModule
{
    private readonly CudaDevice _device;
    private readonly nint _module;
    private bool _disposed;

    public CudaModule(CudaDevice device, KernelFile file, CubinCache cache)
    {
        (_device, File) = (device, file);
        // What is in the cache may be cut off or of another program: the driver tells, and it is compiled anew.
        if (cache.Find(file, device.Info) is { } cached && Load(cached, out _module) == 0) return;
        (byte[] cubin, Log) = CudaCompiler.Compile(device, file.Name, KernelLibrary.Ptx(file));
        device.Driver.Check(Load(cubin, out _module), $"{file.Name} on {device.Info.Name}", Log);
        cache.Store(file, device.Info, cubin);
    }

    private int Load(byte[] cubin, out nint module)
    {
        nint loaded = 0;
        int code;
        fixed (byte* image = cubin) code = _device.Driver.ModuleLoadData(&loaded, image);
        module = loaded;
        return code;
    }

    public KernelFile File { get; }

    public string Log { get; } = "";

    public IGpuKernel Kernel(KernelEntry entry)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _device.Enter();
        nint function;
        fixed (byte* name = Encoding.ASCII.GetBytes(entry.Name + '\0')) _device.Driver.Check(_device.Driver.ModuleGetFunction(&function, _module, name), $"entry {entry.Name} of {File.Name}");
        return new CudaKernel(_device, entry, function);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _device.Enter();
        _ = _device.Driver.ModuleUnload(_module);
    }
}

/// <summary>A kernel of a loaded file.</summary>
internal sealed unsafe class CudaKernel : IGpuKernel
{
    // CUfunction_attribute, and the shared memory that needs no asking.
    private const int LocalBytesAttribute = 3, RegistersAttribute = 4, MaxDynamicSharedBytesAttribute = 8, SharedBytesWithoutAsking = 48 << 10;

    private readonly CudaDevice _device;

    public CudaKernel(CudaDevice device, KernelEntry entry, nint function)
    {
        (_device, Entry, Function) = (device, entry, function);
        Registers = Attribute(RegistersAttribute);
        LocalBytes = Attribute(LocalBytesAttribute);
        if (entry.HasDynamicShared && device.Info.SharedBytesBlock > SharedBytesWithoutAsking)
            device.Driver.Check(device.Driver.FuncSetAttribute(function, MaxDynamicSharedBytesAttribute, device.Info.SharedBytesBlock - entry.SharedBytes), $"shared memory of {entry.Name}");
    }

    public KernelEntry Entry { get; }

    public nint Function { get; }

    public int Registers { get; }

    public int LocalBytes { get; }

    public int BlocksPerMultiprocessor(int threads, int dynamicSharedBytes)
    {
        _device.Enter();
        int blocks;
        _device.Driver.Check(_device.Driver.OccupancyMaxActiveBlocks(&blocks, Function, threads, (nuint)dynamicSharedBytes), $"occupancy of {Entry.Name}");
        return blocks;
    }

    private int Attribute(int attribute)
    {
        int value;
        _device.Driver.Check(_device.Driver.FuncGetAttribute(&value, attribute, Function), $"attribute {attribute} of {Entry.Name}");
        return value;
    }
}
