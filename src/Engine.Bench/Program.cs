using Engine.Cli;

namespace Engine.Bench;

internal static class Program
{
    private static int Main(string[] args) => CommandHost.Run("engine-bench", BenchCommand.Create(), args);
}
