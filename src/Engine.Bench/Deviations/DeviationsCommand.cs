using System.CommandLine;
using System.Globalization;
using Engine.Cli;

namespace Engine.Bench;

/// <summary><c>engine-bench deviations</c>: how far the modes of a stream are from windows, for the networks of sensors with random weights.</summary>
internal static class DeviationsCommand
{
    private const string Examples = """
        engine-bench deviations
        engine-bench deviations --only ppg --windows 50 --format json
        """;

    public static Command Create()
    {
        var only = new Option<string?>("--only") { Description = $"Networks of the table of modes: {string.Join(", ", DeviationTables.Names)}; default all", HelpName = "a,b" };
        var windows = new Option<int>("--windows") { Description = "Windows that each row compares", DefaultValueFactory = _ => 100, HelpName = "N" };
        windows.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && !(int.TryParse(r.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n is > 0 and <= 10000)) r.AddError($"--windows {r.Tokens[0].Value}: expected a number from 1 to 10000");
        });
        var format = CommonOptions.Format("md|csv|json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        var command = new Command("deviations", "Measures how far streams are from windows in every mode: samples before a window, hops by themselves, misaligned hops.");
        foreach (Option o in (Option[])[only, windows, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            string[] chosen = p.GetValue(only)?.Split(',', StringSplitOptions.TrimEntries) ?? [.. DeviationTables.Names];
            foreach (string name in chosen)
                if (!DeviationTables.Names.Contains(name)) throw CommandException.Usage($"--only: no network '{name}'; there are {string.Join(", ", DeviationTables.Names)}");
            int count = p.GetValue(windows);
            var report = new Report();
            ProgressBar.Run(DeviationTables.Steps(chosen), step => report
                .Add("past", "PPG network of windows with samples before them, against the stream", DeviationTables.Past(count, step, cancellation))
                .Add("modes", "Modes, against windows that see the true past and future", DeviationTables.Modes(chosen, count, step, cancellation))
                .Add("misaligned", "Misaligned hops by the highest frequency of the signal", DeviationTables.Misaligned(count, step, cancellation)));
            report.AddNote("NRMSE is the root of the mean square of the difference over that of the values expected. Weights are random, signals are 24 tones a channel, amplitude at most 1, pools alone see one tone of amplitude 1.")
                .Write(p.GetValue(format), p.GetValue(output));
            return ExitCode.Ok;
        });
    }
}
