using Microsoft.Extensions.Logging;

namespace Engine;

/// <summary>What a model logs. A type of its own, so that a host without a logger never loads the logging assemblies.</summary>
internal static class ModelLog
{
    public static readonly Action<ILogger, string, int, long, double, Exception?> Loaded = LoggerMessage.Define<string, int, long, double>(LogLevel.Information, new EventId(1, "ModelLoaded"),
        "Loaded {Source}: {Nodes} nodes, {ConstantBytes} bytes of constants, {Milliseconds} ms");
    public static readonly Action<ILogger, string, int, long, Exception?> Planned = LoggerMessage.Define<string, int, long>(LogLevel.Debug, new EventId(2, "Planned"),
        "Planned {Source}: {Steps} steps, an arena of {ArenaBytes} bytes");
}
