using Engine.Cli;

namespace Engine.Bench;

/// <summary>Other engines by the names that <c>--peer</c> takes.</summary>
internal static class PeerNames
{
    public const string OnnxRuntime = "onnxruntime", Ggml = "ggml", OneDnn = "onednn", Xnnpack = "xnnpack";

    private static readonly string[] All = [OnnxRuntime, Ggml, OneDnn, Xnnpack];

    /// <summary>Names separated by commas, each once; null or empty is none.</summary>
    public static string[] Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return [];
        string[] names = [.. text.Split(',', StringSplitOptions.TrimEntries).Distinct()];
        foreach (string n in names)
            if (!All.Contains(n)) throw CommandException.Usage($"--peer {text}: no peer '{n}'; there are {string.Join(", ", All)}");
        return names;
    }

    /// <summary>As <see cref="Parse"/>, for whole models, which only ONNX Runtime runs; it must have been fetched.</summary>
    public static string[] ForModels(string? text)
    {
        string[] names = Parse(text);
        foreach (string n in names)
            if (n != OnnxRuntime) throw CommandException.Usage($"--peer {n}: serves 'engine-bench kernels'; whole models are compared with {OnnxRuntime}");
        if (names.Length > 0 && Engine.Peers.OnnxRuntime.Missing is { } why) throw CommandException.Usage($"--peer {OnnxRuntime}: {why}");
        return names;
    }
}
