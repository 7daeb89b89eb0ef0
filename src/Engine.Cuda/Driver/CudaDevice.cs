using System.Text;

namespace Engine.Cuda;

/// <summary>A device of the CUDA driver. Members of a device may be called from any thread.</summary>
public sealed unsafe class CudaDevice : IGpuDevice
{
    private readonly CudaDriver _driver;
    private readonly int _device;
    private readonly nint _context;
    private readonly CubinCache _cache;
    private bool _disposed;

    private CudaDevice(CudaDriver driver, int ordinal, CubinCache cache)
    {
        (_driver, _cache) = (driver, cache);
        int device;
        driver.Check(driver.DeviceGet(&device, ordinal), $"device {ordinal}");
        _device = device;
        Info = Describe();
        nint context;
        driver.Check(driver.PrimaryCtxRetain(&context, device), $"context of {Info.Name}");
        _context = context;
    }

    /// <inheritdoc/>
    public GpuDeviceInfo Info { get; }

    /// <summary>Whether there is a driver and a device that it runs.</summary>
    public static bool IsAvailable => CudaDriver.Exists && Count > 0;

    /// <summary>The driver's version, or why there is none: one line.</summary>
    public static string Status => CudaDriver.Exists && Count == 0 ? "no CUDA: the driver has no device" : CudaDriver.Status;

    /// <summary>Devices of this machine; 0 without a driver.</summary>
    public static int Count
    {
        get
        {
            if (!CudaDriver.Exists) return 0;
            int count;
            CudaDriver.Instance.Check(CudaDriver.Instance.DeviceGetCount(&count), "number of devices");
            return count;
        }
    }

    /// <summary>Opens a device. Throws <see cref="GpuException"/> where there is none.</summary>
    /// <param name="ordinal">Number of the device, from 0.</param>
    /// <param name="cacheFolder">Where compiled kernels are kept; null for <see cref="CubinCache.DefaultFolder"/>, empty for nowhere.</param>
    public static CudaDevice Open(int ordinal = 0, string? cacheFolder = null) => new(CudaDriver.Instance, ordinal, new CubinCache(cacheFolder ?? CubinCache.DefaultFolder));

    /// <summary>Bytes of device memory that are free now, of all programs.</summary>
    public long FreeBytes
    {
        get
        {
            Enter();
            nuint free, total;
            _driver.Check(_driver.MemGetInfo(&free, &total), "free memory");
            return (long)free;
        }
    }

    internal CudaDriver Driver => _driver;

    /// <summary>Makes the device's context current on this thread, as every call of the driver expects.</summary>
    internal void Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _driver.Check(_driver.CtxSetCurrent(_context), "context");
    }

    /// <inheritdoc/>
    public IGpuModule Load(KernelFile file)
    {
        Enter();
        return new CudaModule(this, file, _cache);
    }

    /// <inheritdoc/>
    public IGpuBuffer Allocate(long bytes, string what)
    {
        Enter();
        return new CudaBuffer(this, bytes, what);
    }

    /// <inheritdoc/>
    public IGpuHostBuffer AllocateHost(long bytes)
    {
        Enter();
        return new CudaHostBuffer(this, bytes);
    }

    /// <inheritdoc/>
    public IGpuStream CreateStream()
    {
        Enter();
        return new CudaStream(this);
    }

    /// <inheritdoc/>
    public IGpuEvent CreateEvent()
    {
        Enter();
        return new CudaEvent(this);
    }

    private GpuDeviceInfo Describe()
    {
        byte* name = stackalloc byte[256];
        _driver.Check(_driver.DeviceGetName(name, 256, _device), "name of the device");
        nuint memory;
        _driver.Check(_driver.DeviceTotalMem(&memory, _device), "memory of the device");
        return new(Encoding.UTF8.GetString(name, new ReadOnlySpan<byte>(name, 256).IndexOf((byte)0)), Attribute(DeviceAttribute.CapabilityMajor), Attribute(DeviceAttribute.CapabilityMinor),
            Attribute(DeviceAttribute.Multiprocessors), (long)memory, Attribute(DeviceAttribute.SharedBytesBlockOptIn), Attribute(DeviceAttribute.L2Bytes), Attribute(DeviceAttribute.Integrated) != 0, CudaDriver.Status);
    }

    private int Attribute(DeviceAttribute attribute)
    {
        int value;
        _driver.Check(_driver.DeviceGetAttribute(&value, (int)attribute, _device), $"attribute {attribute}");
        return value;
    }

    /// <summary>Gives the context back. Buffers, modules and streams of the device are to be disposed before.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _ = _driver.PrimaryCtxRelease(_device);
    }

    // CUdevice_attribute.
    private enum DeviceAttribute
    {
        Multiprocessors = 16,
        Integrated = 18,
        L2Bytes = 38,
        CapabilityMajor = 75,
        CapabilityMinor = 76,
        SharedBytesBlockOptIn = 97,
    }
}
