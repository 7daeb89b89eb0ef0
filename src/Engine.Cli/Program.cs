using System.CommandLine;

namespace Engine.Cli;

internal static class Program
{
    private const string Overview = "Inference for compressed neural networks. Results go to stdout; progress and errors go to stderr.";

    private static int Main(string[] args) => CommandHost.Run("engine", new RootCommand(Overview)
    {
        InspectCommand.Create(),
        RunCommand.Create(),
        VerifyCommand.Create(),
        CompressCommand.Create(),
        CompareCommand.Create(),
        ConvertCommand.Create(),
        SelectCommand.Create(),
        StreamCommand.Create(),
        DevicesCommand.Create(),
        SelfTestCommand.Create(),
        DenoiseCommand.Create(),
    }, args);
}
