using Engine.Bench;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Runtime;

namespace Engine.Tests;

/// <summary>The networks that <c>engine-bench networks</c> writes, read back and rewritten; also smaller, and with zeros for weights.</summary>
internal static class Networks
{
    public static ModelGraph MobileNetV2(int size = 224, bool zeroWeights = false, bool quantized = false) => Read(ConvNetworks.MobileNetV2(size, zeroWeights, quantized));

    public static ModelGraph ResNet18(int size = 224, bool zeroWeights = false, bool quantized = false) => Read(ConvNetworks.ResNet("resnet18", [2, 2, 2, 2], false, size, zeroWeights, quantized));

    public static ModelGraph ResNet50(int size = 224, bool zeroWeights = false) => Read(ConvNetworks.ResNet("resnet50", [3, 4, 6, 3], true, size, zeroWeights));

    public static ModelGraph Encoder(int hidden = 768, int heads = 12, int sequence = 128, int inner = 3072) => Read(EncoderNetwork.Create(hidden, heads, sequence, inner));

    private static ModelGraph Read(OnnxBuilder model)
    {
        using var bytes = new MemoryStream();
        model.Write(bytes);
        var graph = OnnxModelReader.Load(bytes.ToArray()).Graph;
        Rewriter.Run(graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard)), 1);
        return graph;
    }
}
