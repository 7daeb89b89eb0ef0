using System.Collections.Concurrent;

namespace Engine.Cuda;

/// <summary>The kernels of one device, loaded when they are first asked for. Safe for concurrent use.</summary>
public sealed class GpuKernels(IGpuDevice device) : IDisposable
{
    private readonly ConcurrentDictionary<string, IGpuKernel> _kernels = new();
    private readonly Dictionary<string, IGpuModule> _modules = [];
    private readonly Lock _lock = new();

    /// <summary>The device.</summary>
    public IGpuDevice Device => device;

    /// <summary>Whether a stem has a file for this device.</summary>
    public bool Has(string stem) => KernelLibrary.Find(stem, device.Info.Capability) is not null;

    /// <summary>An entry of a stem. Throws <see cref="GpuException"/> where the device is below what the stem needs.</summary>
    public IGpuKernel Get(string stem, string entry)
    {
        if (_kernels.TryGetValue(entry, out var kernel)) return kernel;
        lock (_lock)
        {
            if (_kernels.TryGetValue(entry, out kernel)) return kernel;
            var file = KernelLibrary.Find(stem, device.Info.Capability) ?? throw new GpuException($"kernel {stem}: no PTX for compute capability {device.Info.Major}.{device.Info.Minor} ({device.Info.Name})");
            if (!_modules.TryGetValue(stem, out var module)) _modules[stem] = module = device.Load(file);
            var found = file.Entries.FirstOrDefault(e => e.Name == entry) ?? throw new GpuException($"{file.Name} has no entry {entry}");
            return _kernels[entry] = module.Kernel(found);
        }
    }

    /// <summary>Unloads the kernels.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var m in _modules.Values) m.Dispose();
            _modules.Clear();
            _kernels.Clear();
        }
    }
}
