using System.CommandLine;
using Engine.Cli;

namespace Engine.Bench;

/// <summary><c>engine-bench networks</c>: writes well-known networks with random weights as ONNX files, for comparisons that need no download.</summary>
internal static class NetworksCommand
{
    private const string Examples = """
        engine-bench networks artifacts/networks
        engine-bench networks artifacts/networks --only resnet18,mobilenetv2
        """;

    /// <summary>The networks by name.</summary>
    public static IReadOnlyDictionary<string, Func<OnnxBuilder>> All { get; } = new Dictionary<string, Func<OnnxBuilder>>
    {
        ["resnet18"] = () => ConvNetworks.ResNet("resnet18", [2, 2, 2, 2], bottleneck: false),
        ["resnet50"] = () => ConvNetworks.ResNet("resnet50", [3, 4, 6, 3], bottleneck: true),
        ["mobilenetv2"] = () => ConvNetworks.MobileNetV2(),
        ["resnet18-qdq"] = () => ConvNetworks.ResNet("resnet18-qdq", [2, 2, 2, 2], bottleneck: false, quantized: true),
        ["resnet50-qdq"] = () => ConvNetworks.ResNet("resnet50-qdq", [3, 4, 6, 3], bottleneck: true, quantized: true),
        ["mobilenetv2-qdq"] = () => ConvNetworks.MobileNetV2(quantized: true),
        ["resnet18-qoperator"] = () => QOperatorForm.Of("resnet18-qoperator", ConvNetworks.ResNet("resnet18-qdq", [2, 2, 2, 2], bottleneck: false, quantized: true)),
        ["birealnet18"] = () => BinaryBodies.BiRealNet18("birealnet18", LayerForm.Signs),
        ["birealnet18-f32"] = () => BinaryBodies.BiRealNet18("birealnet18-f32", LayerForm.Numbers),
        ["birealnet18-qdq"] = () => BinaryBodies.BiRealNet18("birealnet18-qdq", LayerForm.Codes),
        ["vggsmall"] = () => BinaryBodies.VggSmall("vggsmall", LayerForm.Signs),
        ["vggsmall-f32"] = () => BinaryBodies.VggSmall("vggsmall-f32", LayerForm.Numbers),
        ["vggsmall-qdq"] = () => BinaryBodies.VggSmall("vggsmall-qdq", LayerForm.Codes),
        ["quicknet"] = () => BinaryBodies.QuickNet("quicknet", LayerForm.Signs),
        ["quicknet-f32"] = () => BinaryBodies.QuickNet("quicknet-f32", LayerForm.Numbers),
        ["quicknet-qdq"] = () => BinaryBodies.QuickNet("quicknet-qdq", LayerForm.Codes),
        ["encoder"] = () => EncoderNetwork.Create(),
        ["continual-encoder1"] = () => EncoderNetwork.Newest("continual-encoder1", 1, 128, 64),
        ["continual-encoder1-wide"] = () => EncoderNetwork.Newest("continual-encoder1-wide", 1, 256, 120),
        ["continual-encoder2"] = () => EncoderNetwork.Newest("continual-encoder2", 2, 128, 64),
        ["continual-encoder2-wide"] = () => EncoderNetwork.Newest("continual-encoder2-wide", 2, 256, 120),
        ["costgcn"] = () => SkeletonNetwork.Create(),
        ["cox3d"] = () => VideoNetwork.Create(),
        ["ppg"] = () => SensorNetworks.Ppg(),
        ["eeg"] = () => SensorNetworks.Eeg(),
        ["accelerometer"] = () => SensorNetworks.Accelerometer(),
    };

    public static Command Create()
    {
        string names = string.Join(", ", All.Keys);
        var folder = new Argument<string>("folder") { Description = "Folder to write NAME.onnx in; created where missing", HelpName = "folder" };
        var only = new Option<string?>("--only") { Description = $"Which ones: {names}; default all", HelpName = "a,b" };
        var command = new Command("networks", $"Writes networks with seeded random weights as ONNX files: {names}.");
        command.Arguments.Add(folder);
        command.Options.Add(only);
        return command.Action(Examples, (p, cancellation) =>
        {
            string[] chosen = p.GetValue(only)?.Split(',', StringSplitOptions.TrimEntries) ?? [.. All.Keys];
            foreach (string name in chosen)
                if (!All.ContainsKey(name)) throw CommandException.Usage($"--only: no network '{name}'; there are {names}");
            Directory.CreateDirectory(p.GetRequiredValue(folder));
            foreach (string name in chosen)
            {
                cancellation.ThrowIfCancellationRequested();
                string path = Path.Combine(p.GetRequiredValue(folder), name + ".onnx");
                using (var file = File.Create(path)) All[name]().Write(file);
                Console.Out.WriteLine(path);
            }
            return ExitCode.Ok;
        });
    }
}
