using System.Text;
using Engine.Cuda;
using Engine.Ptx;

namespace Engine.Gpu.Tests;

/// <summary>The interpreter of PTX as a device, so that the launchers that ship run on it. Work runs when it is queued; whatever a kernel does wrong throws.</summary>
internal sealed class InterpreterDevice(PtxOptions? options = null, int capability = 80) : IGpuDevice
{
    private readonly PtxDevice _device = new(options);

    public GpuDeviceInfo Info { get; } = new("PTX interpreter", capability / 10, capability % 10, 4, 1L << 32, 227 << 10, 1 << 20, false, "interpreter");

    /// <summary>Lane-instructions of all launches.</summary>
    public long LaneInstructions { get; private set; }

    public IGpuModule Load(KernelFile file) => new Module(file);

    public IGpuBuffer Allocate(long bytes, string what) => new Buffer(_device.Allocate(bytes, what));

    public IGpuHostBuffer AllocateHost(long bytes) => new HostBuffer(bytes);

    public IGpuStream CreateStream() => new Queue(this);

    public IGpuEvent CreateEvent() => new Event();

    public void Dispose()
    {
    }

    private sealed class Module(KernelFile file) : IGpuModule
    {
        private readonly PtxModule _module = PtxModule.Parse(Encoding.ASCII.GetString(KernelLibrary.Ptx(file)), file.Name);

        public KernelFile File => file;

        public string Log => "";

        public IGpuKernel Kernel(KernelEntry entry) => new Kernel(entry, _module.Entries[entry.Name]);

        public void Dispose()
        {
        }
    }

    private sealed record Kernel(KernelEntry Entry, PtxEntry Code) : IGpuKernel
    {
        public int Registers => 0;

        public int LocalBytes => 0;

        public int BlocksPerMultiprocessor(int threads, int dynamicSharedBytes) => 1;
    }

    private sealed class Buffer(PtxBuffer buffer) : IGpuBuffer
    {
        public GpuSpan Span { get; } = new(buffer.Address, buffer.Bytes);

        public void Dispose() => buffer.Dispose();
    }

    private sealed unsafe class HostBuffer(long bytes) : IGpuHostBuffer
    {
        private readonly byte[] _bytes = GC.AllocateArray<byte>((int)bytes, pinned: true);

        public byte* Pointer => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _bytes[0]);

        public long Bytes => bytes;

        public void Dispose()
        {
        }
    }

    private sealed class Event : IGpuEvent
    {
        public float MillisecondsSince(IGpuEvent start) => float.NaN;

        public void Dispose()
        {
        }
    }

    private sealed class Graph(List<Action> work) : IGpuGraph
    {
        public int Nodes => work.Count;

        public void Run()
        {
            foreach (var w in work) w();
        }

        public void Dispose()
        {
        }
    }

    private sealed unsafe class Queue(InterpreterDevice device) : IGpuStream
    {
        private List<Action>? _capture;

        public void Launch(IGpuKernel kernel, in GpuLaunch launch, ReadOnlySpan<byte> arguments)
        {
            var (code, l, block) = (((Kernel)kernel).Code, launch, arguments.ToArray());
            Do(() =>
            {
                try
                {
                    device.LaneInstructions += device._device.Launch(code, (l.BlocksX, l.BlocksY, l.BlocksZ), ((uint)l.Threads, 1, 1), l.DynamicSharedBytes, block).Check().LaneInstructions;
                }
                catch (PtxException e)
                {
                    throw new GpuException(e.Message, inner: e);
                }
            });
        }

        public void Upload(ReadOnlySpan<byte> source, GpuSpan target)
        {
            byte[] copy = source.ToArray();
            Do(() => Write(target, copy));
        }

        public void Download(GpuSpan source, Span<byte> target)
        {
            if (_capture is not null) throw new GpuException("a copy to memory of the caller while work is captured");
            Read(source, target);
        }

        public void Upload(IGpuHostBuffer source, GpuSpan target) => Do(() => Write(target, new(source.Pointer, (int)source.Bytes)));

        public void Download(GpuSpan source, IGpuHostBuffer target) => Do(() => Read(source, new(target.Pointer, (int)target.Bytes)));

        public void Copy(GpuSpan source, GpuSpan target) => Do(() =>
        {
            byte[] bytes = new byte[source.Bytes];
            Read(source, bytes);
            Write(target, bytes);
        });

        public void Fill(GpuSpan target, byte value) => Do(() =>
        {
            var (buffer, at) = device._device.Locate(target.Address);
            buffer.Fill(value, at, target.Bytes);
        });

        public void Record(IGpuEvent e)
        {
        }

        public void Wait(IGpuEvent e)
        {
        }

        public void Synchronize()
        {
        }

        public void BeginCapture() => _capture = [];

        public IGpuGraph EndCapture()
        {
            var graph = new Graph(_capture ?? throw new GpuException("no capture was begun"));
            _capture = null;
            return graph;
        }

        public void Launch(IGpuGraph graph) => Do(((Graph)graph).Run);

        public void Dispose()
        {
        }

        private void Do(Action work)
        {
            if (_capture is { } capture) capture.Add(work);
            else work();
        }

        private void Write(GpuSpan target, ReadOnlySpan<byte> bytes)
        {
            var (buffer, at) = device._device.Locate(target.Address);
            buffer.Upload(bytes, at);
        }

        private void Read(GpuSpan source, Span<byte> target)
        {
            var (buffer, at) = device._device.Locate(source.Address);
            try
            {
                buffer.Download(target, at);
            }
            catch (PtxFaultException e)
            {
                throw new GpuException(e.Message, inner: e);
            }
        }
    }
}
