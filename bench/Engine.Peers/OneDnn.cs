using System.Runtime.InteropServices;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Peers;

/// <summary>
/// oneDNN 2 as Debian 12 packages it, loaded once a process. Its threads are OpenMP's: thread i of a team, the caller being 0, is bound to the i-th processor that
/// the thread which first asked for the library might use.
/// </summary>
public static unsafe class OneDnn
{
    private static readonly Lazy<string?> s_missing = new(Load);

    /// <summary>Why nothing can be compared with oneDNN here, or null.</summary>
    public static string? Missing => s_missing.Value;

    /// <summary>Version of the library.</summary>
    public static string Version
    {
        get
        {
            if (Missing is { } why) throw new PeerException(why);
            var v = DnnlApi.Version();
            return $"{v->Major}.{v->Minor}.{v->Patch}";
        }
    }

    /// <summary>
    /// The operation on so many threads, to be run by the thread that calls this; null for an operation that is not bound here. Weights are in the
    /// layout that the library asks for, and so are images and results of convolutions; matrices stay plain.
    /// </summary>
    public static IPeerRun? Create(PeerNode node, int threads)
    {
        if (!node.IsMatMul && !node.IsBf16MatMul && !node.IsIntegerMatMul && !node.IsConv) return null;
        if (Missing is { } why) throw new PeerException(why);
        DnnlApi.SetThreads(threads);
        return new OneDnnRun(node);
    }

    internal static void Check(int status, string what)
    {
        if (status != 0) throw new PeerException($"oneDNN: {what} returned {status}");
    }

    private static string? Load()
    {
        // OpenMP reads this when it is loaded.
        if (OperatingSystem.IsLinux()) DnnlApi.SetEnvironment("GOMP_CPU_AFFINITY", string.Join(' ', ThreadAffinity.Allowed()), 0);
        // It also binds the thread that loads it: one that ends at once.
        bool loaded = false;
        var loader = new Thread(() => loaded = NativeLibrary.TryLoad(DnnlApi.Library, out _));
        loader.Start();
        loader.Join();
        return loaded ? null : $"no {DnnlApi.Library}: apt-get install libdnnl-dev (Debian 12)";
    }
}

/// <summary>A primitive with its memory.</summary>
internal sealed unsafe class OneDnnRun : IPeerRun
{
    private readonly List<nint> _memories = [];
    private readonly DnnlApi.Argument[] _arguments;
    private readonly (byte[] Description, nint Memory) _destination;
    private readonly byte[] _plainOutput;
    private readonly Tensor _output;
    // Memory that the library writes and reads.
    private readonly List<Tensor> _buffers = [];
    private nint _engine, _stream, _primitive;

    public OneDnnRun(PeerNode node)
    {
        fixed (nint* e = &_engine) OneDnn.Check(DnnlApi.EngineCreate(e, DnnlApi.Cpu, 0), "engine");
        fixed (nint* s = &_stream) OneDnn.Check(DnnlApi.StreamCreate(s, _engine, DnnlApi.InOrder), "stream");
        long group = node.Longs("group", 1)[0];
        long[] x = node.Inputs[0].Shape.Dims.ToArray(), w = node.Inputs[1].Shape.Dims.ToArray(), y = node.Output.Shape.Dims.ToArray();
        if (group > 1) w = [group, w[0] / group, .. w[1..]];
        _output = Tensor.Allocate(node.Output.DType, node.Output.Shape);
        _plainOutput = Describe(y, node.Output.DType, DnnlApi.PlainLayout(y.Length));
        nint plan = Plan(node, x, w, y);
        try
        {
            fixed (nint* p = &_primitive) OneDnn.Check(DnnlApi.PrimitiveCreate(p, plan), "primitive");
            nint source = Arrange(node.Inputs[0], Describe(x, node.Inputs[0].DType, DnnlApi.PlainLayout(x.Length)), Asked(plan, DnnlApi.QuerySource));
            nint weights = Arrange(node.Inputs[1], Describe(w, node.Inputs[1].DType, DnnlApi.PlainLayout(w.Length)), Asked(plan, DnnlApi.QueryWeights));
            byte[] asked = Asked(plan, DnnlApi.QueryDestination);
            _destination = (asked, Memory(asked, Buffer(asked)));
            _arguments = [new() { Kind = DnnlApi.Source, Memory = source }, new() { Kind = DnnlApi.Weights, Memory = weights }, new() { Kind = DnnlApi.Destination, Memory = _destination.Memory }];
        }
        finally
        {
            _ = DnnlApi.PlanDestroy(plan);
        }
    }

    public void Run()
    {
        fixed (DnnlApi.Argument* a = _arguments) OneDnn.Check(DnnlApi.Execute(_primitive, _stream, _arguments.Length, a), "execution");
        OneDnn.Check(DnnlApi.StreamWait(_stream), "waiting");
    }

    public Tensor Result()
    {
        Reorder(_destination.Description, _destination.Memory, _plainOutput, Memory(_plainOutput, _output.Pointer));
        return _output;
    }

    public void Dispose()
    {
        foreach (nint m in _memories) _ = DnnlApi.MemoryDestroy(m);
        _memories.Clear();
        if (_primitive != 0) _ = DnnlApi.PrimitiveDestroy(_primitive);
        if (_stream != 0) _ = DnnlApi.StreamDestroy(_stream);
        if (_engine != 0) _ = DnnlApi.EngineDestroy(_engine);
        (_primitive, _stream, _engine) = (0, 0, 0);
        GC.KeepAlive(_buffers);
    }

    private nint Plan(PeerNode node, long[] x, long[] w, long[] y)
    {
        nint plan;
        byte[] operation = new byte[DnnlApi.DescriptorBytes];
        byte[] weights = Describe(w, node.Inputs[1].DType, DnnlApi.AnyLayout);
        byte[] source = Describe(x, node.Inputs[0].DType, node.IsConv ? DnnlApi.AnyLayout : DnnlApi.PlainLayout(x.Length));
        byte[] destination = Describe(y, node.Output.DType, node.IsConv ? DnnlApi.AnyLayout : DnnlApi.PlainLayout(y.Length));
        long[] pads = node.Longs("pads", 0, 0, 0, 0), strides = node.Longs("strides", 1, 1);
        fixed (byte* o = operation, s = source, v = weights, d = destination)
        fixed (long* step = strides, before = pads, after = pads.AsSpan(2))
        {
            OneDnn.Check(node.IsConv ? DnnlApi.ConvolutionDescribe(o, DnnlApi.Inference, DnnlApi.ConvolutionAuto, s, v, null, d, step, before, after) : DnnlApi.MatMulDescribe(o, s, v, null, d), "description");
            OneDnn.Check(DnnlApi.PlanCreate(&plan, o, 0, _engine, 0), "plan");
        }
        return plan;
    }

    private static byte[] Describe(long[] dims, DType type, int layout)
    {
        byte[] description = new byte[DnnlApi.DescriptorBytes];
        fixed (byte* d = description)
        fixed (long* n = dims) OneDnn.Check(DnnlApi.Describe(d, dims.Length, n, DnnlApi.Type(type), layout), "shape");
        return description;
    }

    /// <summary>The layout that a plan wants an operand in.</summary>
    private static byte[] Asked(nint plan, int what)
    {
        // The library's structure is smaller than the block; what follows it is never looked at.
        const int Bytes = 696;
        byte[] description = new byte[DnnlApi.DescriptorBytes];
        new ReadOnlySpan<byte>(DnnlApi.PlanDescription(plan, what, 0), Bytes).CopyTo(description);
        return description;
    }

    private byte* Buffer(byte[] description)
    {
        nuint bytes;
        fixed (byte* d = description) bytes = DnnlApi.Size(d);
        var t = Tensor.Allocate(DType.U8, new Shape((long)bytes));
        _buffers.Add(t);
        return t.Pointer;
    }

    private nint Memory(byte[] description, byte* data)
    {
        nint memory;
        fixed (byte* d = description) OneDnn.Check(DnnlApi.MemoryCreate(&memory, d, _engine, data), "memory");
        _memories.Add(memory);
        return memory;
    }

    /// <summary>A copy of a tensor in the layout asked for.</summary>
    private nint Arrange(Tensor t, byte[] plain, byte[] asked)
    {
        nint to = Memory(asked, Buffer(asked));
        Reorder(plain, Memory(plain, t.Pointer), asked, to);
        return to;
    }

    private void Reorder(byte[] from, nint fromMemory, byte[] to, nint toMemory)
    {
        nint plan, primitive;
        fixed (byte* f = from, t = to) OneDnn.Check(DnnlApi.ReorderPlanCreate(&plan, f, _engine, t, _engine, 0), "reorder");
        OneDnn.Check(DnnlApi.PrimitiveCreate(&primitive, plan), "reorder");
        var arguments = stackalloc DnnlApi.Argument[] { new() { Kind = DnnlApi.From, Memory = fromMemory }, new() { Kind = DnnlApi.To, Memory = toMemory } };
        OneDnn.Check(DnnlApi.Execute(primitive, _stream, 2, arguments), "reorder");
        OneDnn.Check(DnnlApi.StreamWait(_stream), "reorder");
        _ = DnnlApi.PrimitiveDestroy(primitive);
        _ = DnnlApi.PlanDestroy(plan);
    }
}
