using Engine.Peers;

namespace Engine.PeerTests;

/// <summary>What a test reads beyond the repository; it is skipped, with the reason, where that was not fetched.</summary>
internal static class Needs
{
    public static string? Missing(bool peer, string[] data)
    {
        if (peer && OnnxRuntime.Missing is { } reason) return reason;
        return data.FirstOrDefault(d => !Path.Exists(Repository.Data(d))) is { } absent ? $"no .data/{absent}: run ./build.sh data" : null;
    }
}

/// <summary>A test against ONNX Runtime.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute(params string[] data) => Skip = Needs.Missing(true, data);
}

/// <summary>A theory against ONNX Runtime.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PeerTheoryAttribute : TheoryAttribute
{
    public PeerTheoryAttribute(params string[] data) => Skip = Needs.Missing(true, data);
}

/// <summary>A theory over real data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DataTheoryAttribute : TheoryAttribute
{
    public DataTheoryAttribute(params string[] data) => Skip = Needs.Missing(false, data);
}
