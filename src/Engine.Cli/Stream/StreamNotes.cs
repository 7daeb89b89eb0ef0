using System.Globalization;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>What a model's metadata says of its signal and results, for whoever shows them (docs/streaming.md).</summary>
/// <param name="Labels">Names of the values of a result; null where none are known.</param>
/// <param name="Delay">Seconds of signal between what a result is about and the newest sample that it depends on.</param>
/// <param name="Rate">Samples a second that the model was made for; null where it does not say.</param>
internal sealed record StreamNotes(IReadOnlyList<string>? Labels, double Delay, int? Rate)
{
    private const string LabelsKey = "engine.labels", DelayKey = "engine.delay", RateKey = "engine.rate";
    private const int MostRate = 1_000_000_000;

    /// <summary>Throws <see cref="CommandException"/> that names the file, the key, what is expected and what is there.</summary>
    public static StreamNotes Of(string path, IReadOnlyDictionary<string, string> metadata)
    {
        CommandException Bad(string key, string expected) => new(ExitCode.InvalidModel, $"{path}: metadata '{key}': expected {expected}, found '{metadata[key]}'");
        double delay = 0;
        if (metadata.TryGetValue(DelayKey, out string? text) && !(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out delay) && Math.Abs(delay) <= 1e6)) throw Bad(DelayKey, "seconds");
        int rate = 0;
        if (metadata.TryGetValue(RateKey, out text) && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out rate) && rate is > 0 and <= MostRate)) throw Bad(RateKey, "samples a second");
        return new(metadata.TryGetValue(LabelsKey, out text) ? text.Split(',') : null, delay, rate > 0 ? rate : null);
    }

    /// <summary>Labels separated by commas, or one a line of a .txt file.</summary>
    public static IReadOnlyList<string> ParseLabels(string text)
    {
        if (!text.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)) return text.Split(',');
        return File.Exists(text) ? [.. File.ReadAllLines(text).Where(l => l.Length > 0)] : throw new DataFormatException("no such file", text);
    }
}
