using Engine.Cli;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>A model file in ONNX Runtime on inputs of one shape: everything in place, so that a call is a run and nothing else.</summary>
internal sealed class OnnxRuntimePeer : IDisposable
{
    private readonly OrtModel _model;
    private readonly OrtBoundRun _run;

    /// <summary>Loads and runs once. Threads are bound as ours are; thread 0 is the caller's.</summary>
    public OnnxRuntimePeer(string path, IReadOnlyDictionary<string, RuntimeValue> inputs, int threads, IReadOnlyList<int> affinity)
    {
        try
        {
            _model = OrtModel.Load(path, threads, affinity: affinity);
            _run = _model.Bind([.. _model.Inputs.Select(i => inputs[i.Name] as Tensor ?? throw new OrtException($"input '{i.Name}' is no tensor"))]);
        }
        catch (OrtException e)
        {
            _model?.Dispose();
            throw new CommandException(ExitCode.RunFailed, $"{path}: onnxruntime: {e.Message}", e);
        }
    }

    public static string Version => OnnxRuntime.Version;

    /// <summary>What the last run gave as an output of this name.</summary>
    public Tensor Output(string name)
    {
        for (int i = 0; i < _model.Outputs.Count; i++)
            if (_model.Outputs[i].Name == name) return _run.Outputs[i];
        throw new InputException($"onnxruntime gives no output '{name}'", name);
    }

    public void Run() => _run.Run();

    public void Dispose()
    {
        _run.Dispose();
        _model.Dispose();
    }
}
