using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What a model takes by itself where its hops are a stream's: a window of samples, constants, states of zeros.</summary>
internal static class WholeInputs
{
    public static Dictionary<string, RuntimeValue> Of(Model whole, StreamPlan plan, Tensor window) => whole.Inputs.ToDictionary(i => i.Name, i =>
        plan.Options.Constants.TryGetValue(i.Name, out var c) ? StreamTransform.Constant(c, i.Type)
        : plan.Options.Feedback.ContainsKey(i.Name) && plan.States.First(s => s.Name == i.Name).Type is { } t ? (RuntimeValue)Tensor.Allocate(t.DType, t.Shape)
        : window);
}
