using System.Runtime.InteropServices;
using System.Text;
using Engine.Tensors;

namespace Engine.Peers;

/// <summary>An input or output as a model declares it; −1 is a dimension left open.</summary>
public sealed record OrtValueInfo(string Name, DType DType, IReadOnlyList<long> Dims);

/// <summary>A model in ONNX Runtime, on the CPU. Strings, sequences and optionals are not carried.</summary>
public sealed unsafe class OrtModel : IDisposable
{
    private readonly nint[] _inputNames, _outputNames;
    private nint _session;

    private OrtModel(nint session)
    {
        _session = session;
        var api = OnnxRuntime.Api;
        nuint inputs, outputs;
        OnnxRuntime.Check(api->SessionGetInputCount(session, &inputs));
        OnnxRuntime.Check(api->SessionGetOutputCount(session, &outputs));
        Inputs = Describe((int)inputs, api->SessionGetInputName, api->SessionGetInputTypeInfo);
        Outputs = Describe((int)outputs, api->SessionGetOutputName, api->SessionGetOutputTypeInfo);
        _inputNames = [.. Inputs.Select(i => Marshal.StringToCoTaskMemUTF8(i.Name))];
        _outputNames = [.. Outputs.Select(o => Marshal.StringToCoTaskMemUTF8(o.Name))];
    }

    /// <summary>Inputs in the model's order.</summary>
    public IReadOnlyList<OrtValueInfo> Inputs { get; }

    /// <summary>Outputs in the model's order.</summary>
    public IReadOnlyList<OrtValueInfo> Outputs { get; }

    internal nint Session => _session;

    internal ReadOnlySpan<nint> InputNames => _inputNames;

    internal ReadOnlySpan<nint> OutputNames => _outputNames;

    /// <summary>
    /// Loads a file for <paramref name="threads"/> threads; without <paramref name="optimize"/> the graph runs as it is written.
    /// Thread i is bound to processor <paramref name="affinity"/>[i mod count], but for thread 0, which is the caller's; empty binds none.
    /// </summary>
    public static OrtModel Load(string path, int threads = 1, bool optimize = true, IReadOnlyList<int>? affinity = null)
    {
        const int DisableAll = 0, EnableAll = 99;
        var api = OnnxRuntime.Api;
        nint options, session;
        OnnxRuntime.Check(api->CreateSessionOptions(&options));
        try
        {
            OnnxRuntime.Check(api->SetIntraOpNumThreads(options, threads));
            OnnxRuntime.Check(api->SetInterOpNumThreads(options, 1));
            OnnxRuntime.Check(api->SetSessionGraphOptimizationLevel(options, optimize ? EnableAll : DisableAll));
            // Its processors count from 1.
            if (affinity is { Count: > 0 } && threads > 1) Configure(options, "session.intra_op_thread_affinities", string.Join(';', Enumerable.Range(1, threads - 1).Select(i => affinity[i % affinity.Count] + 1)));
            fixed (byte* p = Encoding.UTF8.GetBytes(path + "\0")) OnnxRuntime.Check(api->CreateSession(OnnxRuntime.Env, p, options, &session));
        }
        finally
        {
            api->ReleaseSessionOptions(options);
        }
        return new(session);
    }

    /// <summary>Runs on inputs in the model's order; the outputs are copies.</summary>
    public IReadOnlyList<Tensor> Run(params IReadOnlyList<Tensor> inputs)
    {
        ObjectDisposedException.ThrowIf(_session == 0, this);
        if (inputs.Count != Inputs.Count) throw new OrtException($"the model takes {Inputs.Count} inputs, got {inputs.Count}");
        var api = OnnxRuntime.Api;
        var ins = new nint[_inputNames.Length];
        var outs = new nint[_outputNames.Length];
        try
        {
            for (int i = 0; i < ins.Length; i++) ins[i] = Wrap(inputs[i]);
            fixed (nint* inName = _inputNames, inValue = ins, outName = _outputNames, outValue = outs)
                OnnxRuntime.Check(api->Run(_session, 0, inName, inValue, (nuint)ins.Length, outName, (nuint)outs.Length, outValue));
            return [.. outs.Select(Copy)];
        }
        finally
        {
            foreach (nint v in ins.Concat(outs)) if (v != 0) api->ReleaseValue(v);
            GC.KeepAlive(inputs);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_session == 0) return;
        OnnxRuntime.Api->ReleaseSession(_session);
        _session = 0;
        foreach (nint name in _inputNames.Concat(_outputNames)) Marshal.FreeCoTaskMem(name);
    }

    /// <summary>
    /// A run on these inputs, in the model's order, whose outputs are written to the same memory every time: nothing is copied or made anew.
    /// Shapes of outputs are those of one run now. Tensors and result must not outlive this model.
    /// </summary>
    public OrtBoundRun Bind(IReadOnlyList<Tensor> inputs) => new(this, inputs, Run(inputs));

    private static void Configure(nint options, string key, string value)
    {
        fixed (byte* k = Encoding.UTF8.GetBytes(key + "\0"), v = Encoding.UTF8.GetBytes(value + "\0")) OnnxRuntime.Check(OnnxRuntime.Api->AddSessionConfigEntry(options, k, v));
    }

    /// <summary>A value over the tensor's own memory.</summary>
    internal static nint Wrap(Tensor t)
    {
        nint value;
        long[] dims = t.Shape.Dims.ToArray();
        fixed (long* d = dims)
            OnnxRuntime.Check(OnnxRuntime.Api->CreateTensorWithDataAsOrtValue(OnnxRuntime.Memory, t.Pointer, (nuint)t.ByteLength, d, (nuint)dims.Length, (int)t.DType, &value));
        return value;
    }

    private static Tensor Copy(nint value)
    {
        var api = OnnxRuntime.Api;
        nint info;
        void* data;
        OnnxRuntime.Check(api->GetTensorTypeAndShape(value, &info));
        var (dtype, dims) = ReadType(info);
        api->ReleaseTensorTypeAndShapeInfo(info);
        if (dtype == DType.String) throw new OrtException("strings are not carried");
        var t = Tensor.Allocate(dtype, new Shape(dims));
        OnnxRuntime.Check(api->GetTensorMutableData(value, &data));
        new ReadOnlySpan<byte>(data, checked((int)t.ByteLength)).CopyTo(t.Bytes);
        return t;
    }

    private static (DType DType, long[] Dims) ReadType(nint info)
    {
        var api = OnnxRuntime.Api;
        int type;
        nuint rank;
        OnnxRuntime.Check(api->GetTensorElementType(info, &type));
        OnnxRuntime.Check(api->GetDimensionsCount(info, &rank));
        var dims = new long[(int)rank];
        fixed (long* d = dims) OnnxRuntime.Check(api->GetDimensions(info, d, rank));
        return ((DType)type, dims);
    }

    private OrtValueInfo[] Describe(int count, delegate* unmanaged<nint, nuint, nint, byte**, nint> getName, delegate* unmanaged<nint, nuint, nint*, nint> getType)
    {
        var api = OnnxRuntime.Api;
        var all = new OrtValueInfo[count];
        for (int i = 0; i < count; i++)
        {
            byte* name;
            nint type, tensor;
            OnnxRuntime.Check(getName(_session, (nuint)i, OnnxRuntime.Allocator, &name));
            OnnxRuntime.Check(getType(_session, (nuint)i, &type));
            OnnxRuntime.Check(api->CastTypeInfoToTensorInfo(type, &tensor));
            // The tensor's description belongs to the type's and is null for sequences and maps.
            var (dtype, dims) = tensor == 0 ? (DType.Undefined, []) : ReadType(tensor);
            all[i] = new(Marshal.PtrToStringUTF8((nint)name) ?? "", dtype, dims);
            OnnxRuntime.Check(api->AllocatorFree(OnnxRuntime.Allocator, name));
            api->ReleaseTypeInfo(type);
        }
        return all;
    }
}
