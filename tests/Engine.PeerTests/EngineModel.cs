using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>A model in this engine, on tensors in the model's order.</summary>
internal sealed class EngineModel : IDisposable
{
    private readonly Model _model;
    private readonly Session _session;

    private EngineModel(string path, Model model, SubNetwork? part) => (Path, _model, _session, Part) = (path, model, model.CreateSession(new SessionOptions { SubNetwork = part }), part);

    public string Path { get; }

    public SubNetwork? Part { get; }

    /// <summary>Loads a model, and a part of it where <paramref name="select"/> says which.</summary>
    public static EngineModel Load(string path, Func<Model, SubNetwork>? select = null)
    {
        var model = Model.Load(path);
        return new(path, model, select?.Invoke(model));
    }

    public IReadOnlyList<Tensor> Run(params ReadOnlySpan<RuntimeValue> inputs)
    {
        var outputs = new RuntimeValue?[_model.Outputs.Count];
        _session.Run(inputs, outputs);
        return [.. outputs.Cast<Tensor>()];
    }

    public void Dispose()
    {
        _session.Dispose();
        _model.Dispose();
    }
}
