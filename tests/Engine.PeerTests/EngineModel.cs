using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>A model in this engine, on tensors in the model's order.</summary>
internal sealed class EngineModel : IDisposable
{
    private readonly Model _model;
    private readonly Session _session;

    private EngineModel(Model model) => (_model, _session) = (model, model.CreateSession());

    public static EngineModel Load(string path) => new(Model.Load(path));

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
