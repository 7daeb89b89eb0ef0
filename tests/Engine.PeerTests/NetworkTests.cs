using Engine.Bench;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>Networks that <c>engine-bench networks</c> writes, smaller where their size is free: ONNX Runtime reads them and gives what we give.</summary>
public sealed class NetworkTests
{
    [PeerTheory]
    [InlineData("resnet18", 1e-5)]
    [InlineData("resnet50", 1e-5)]
    [InlineData("mobilenetv2", 1e-5)]
    [InlineData("encoder", 1e-5)]
    // A sign flips only where what it is taken of is 0 up to rounding.
    [InlineData("birealnet18", 1e-5)]
    [InlineData("vggsmall", 1e-5)]
    [InlineData("quicknet", 1e-5)]
    [InlineData("birealnet18-qdq", 0.1)]
    [InlineData("vggsmall-qdq", 0.1)]
    [InlineData("quicknet-qdq", 0.1)]
    // Random weights make a code that falls on the other side of a tie move many behind it.
    [InlineData("resnet18-qdq", 0.06)]
    [InlineData("mobilenetv2-qdq", 0.2)]
    [InlineData("resnet18-qoperator", 0.06)]
    public void Generated_networks_agree(string name, double tolerance)
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("engine-").FullName, name + ".onnx");
        try
        {
            using (var file = File.Create(path)) Small(name).Write(file);
            using var ours = Model.Load(path);
            var x = Tensor.Allocate(DType.F32, ours.Inputs[0].StaticShape!.Value);
            var random = new Random(5);
            foreach (ref float v in x.Span<float>()) v = (float)(random.NextDouble() * 2 - 1);
            using var session = ours.CreateSession(new SessionOptions { Threads = 2 });
            var actual = session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x }).Values.Single();
            using var theirs = OrtModel.Load(path, threads: 2);
            using var run = theirs.Bind([x]);
            run.Run();
            var expected = Assert.Single(run.Outputs);
            double largest = 0;
            foreach (float v in expected.Span<float>()) largest = Math.Max(largest, Math.Abs(v));
            Assert.Null(ValueComparer.Compare(expected, actual, tolerance == 1e-5 ? tolerance : 0, tolerance * largest));
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, true);
        }
    }

    private static OnnxBuilder Small(string name) => name switch
    {
        "resnet18" => ConvNetworks.ResNet(name, [2, 2, 2, 2], false, 64),
        "resnet50" => ConvNetworks.ResNet(name, [3, 4, 6, 3], true, 64),
        "mobilenetv2" => ConvNetworks.MobileNetV2(64),
        "resnet18-qdq" => ConvNetworks.ResNet(name, [2, 2, 2, 2], false, 96, quantized: true),
        "resnet18-qoperator" => QOperatorForm.Of(name, ConvNetworks.ResNet(name, [2, 2, 2, 2], false, 96, quantized: true)),
        "mobilenetv2-qdq" => ConvNetworks.MobileNetV2(96, quantized: true),
        "birealnet18" => BinaryBodies.BiRealNet18(name, LayerForm.Signs, 64),
        "vggsmall" => BinaryBodies.VggSmall(name, LayerForm.Signs, 16),
        "quicknet" => BinaryBodies.QuickNet(name, LayerForm.Signs, 64),
        "birealnet18-qdq" => BinaryBodies.BiRealNet18(name, LayerForm.Codes, 96),
        "vggsmall-qdq" => BinaryBodies.VggSmall(name, LayerForm.Codes),
        "quicknet-qdq" => BinaryBodies.QuickNet(name, LayerForm.Codes, 96),
        _ => EncoderNetwork.Create(),
    };
}
