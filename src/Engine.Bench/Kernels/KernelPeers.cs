using Engine.Cli;
using Engine.Peers;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Other engines that run a kernel's operation on the same operands.</summary>
internal static class KernelPeers
{
    /// <summary>Fails with the way to get a peer that is not here.</summary>
    public static void Require(IEnumerable<string> peers)
    {
        foreach (string name in peers)
            if (Missing(name) is { } why) throw CommandException.Usage($"--peer {name}: {why}");
    }

    /// <summary>Name with version, for tables.</summary>
    public static string Label(string peer) => peer switch
    {
        PeerNames.OnnxRuntime => $"{peer} {OnnxRuntime.Version}",
        PeerNames.OneDnn => $"{peer} {OneDnn.Version}",
        PeerNames.Xnnpack => $"{peer} {Xnnpack.Version}",
        _ => $"{peer} {Ggml.Version}",
    };

    /// <summary>The operation in a peer, to be run by this thread as the first of those bound to <paramref name="processors"/>; null where the peer has it not.</summary>
    public static IPeerRun? Create(string peer, PeerNode node, int[] processors)
    {
        try
        {
            return peer switch
            {
                // It has no product of bf16 on a CPU.
                PeerNames.OnnxRuntime => node.IsBf16MatMul ? null : new OnnxNode(node, processors),
                PeerNames.OneDnn => OneDnn.Create(node, processors.Length),
                PeerNames.Xnnpack => Xnnpack.Create(node, processors.Length),
                _ => Ggml.Create(node, processors),
            };
        }
        catch (Exception e) when (e is OrtException or PeerException)
        {
            throw new CommandException(ExitCode.RunFailed, $"{peer}: {node.Op}: {e.Message}", e);
        }
    }

    private static string? Missing(string peer) => peer switch
    {
        PeerNames.OnnxRuntime => OnnxRuntime.Missing,
        PeerNames.OneDnn => OneDnn.Missing,
        PeerNames.Xnnpack => Xnnpack.Missing,
        _ => Ggml.Missing,
    };

    /// <summary>A model of one node in ONNX Runtime.</summary>
    private sealed class OnnxNode : IPeerRun
    {
        private readonly OrtModel _model;
        private readonly OrtBoundRun _run;

        public OnnxNode(PeerNode node, int[] processors)
        {
            var writer = new OnnxBuilder(node.Op);
            string x = writer.Input("x", node.Inputs[0].DType, node.Inputs[0].Shape.Dims);
            foreach (var (constants, n) in node.Further.Prepend([.. node.Inputs.Skip(1)]).Select((c, n) => (c, n)))
                writer.Output(writer.Node(node.Op, [x, .. constants.Select((t, i) => writer.Constant($"c{n}_{i}", () => t))], [.. node.Attributes]), node.Output.DType, node.Output.Shape.Dims);
            string file = Path.GetTempFileName();
            try
            {
                using (var stream = File.Create(file)) writer.Write(stream);
                _model = OrtModel.Load(file, processors.Length, affinity: processors);
                _run = _model.Bind([node.Inputs[0]]);
            }
            finally
            {
                File.Delete(file);
            }
        }

        public void Run() => _run.Run();

        public Tensor Result() => _run.Outputs[0];

        public void Dispose()
        {
            _run.Dispose();
            _model.Dispose();
        }
    }
}
