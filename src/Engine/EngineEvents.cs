using System.Diagnostics.Tracing;

namespace Engine;

/// <summary>Events of the engine for <c>dotnet-trace</c> and listeners; source name <c>Engine</c>.</summary>
[EventSource(Name = "Engine")]
internal sealed class EngineEvents : EventSource
{
    public static EngineEvents Log { get; } = new();

    [Event(1, Level = EventLevel.Informational)]
    public void ModelLoaded(string source, int nodes, long constantBytes, double milliseconds)
    {
        if (IsEnabled()) WriteEvent(1, source, nodes, constantBytes, milliseconds);
    }

    [Event(2, Level = EventLevel.Informational)]
    public void Planned(string source, int steps, long arenaBytes)
    {
        if (IsEnabled()) WriteEvent(2, source, steps, arenaBytes);
    }
}
