using Engine.Tensors;

namespace Engine.Peers;

/// <summary>A model of ONNX Runtime with its inputs and outputs in place; see <see cref="OrtModel.Bind"/>.</summary>
public sealed unsafe class OrtBoundRun : IDisposable
{
    private readonly OrtModel _model;
    private readonly IReadOnlyList<Tensor> _inputs;
    private nint[] _in, _out;

    internal OrtBoundRun(OrtModel model, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> outputs)
    {
        (_model, _inputs, Outputs) = (model, inputs, outputs);
        _in = [.. inputs.Select(OrtModel.Wrap)];
        _out = [.. outputs.Select(OrtModel.Wrap)];
    }

    /// <summary>What the last run wrote, in the model's order.</summary>
    public IReadOnlyList<Tensor> Outputs { get; }

    /// <summary>Runs once.</summary>
    public void Run()
    {
        ObjectDisposedException.ThrowIf(_model.Session == 0 || _in.Length == 0 && _inputs.Count > 0, this);
        fixed (nint* inName = _model.InputNames, inValue = _in, outName = _model.OutputNames, outValue = _out)
            OnnxRuntime.Check(OnnxRuntime.Api->Run(_model.Session, 0, inName, inValue, (nuint)_in.Length, outName, (nuint)_out.Length, outValue));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint v in _in.Concat(_out)) OnnxRuntime.Api->ReleaseValue(v);
        (_in, _out) = ([], []);
        GC.KeepAlive(_inputs);
    }
}
