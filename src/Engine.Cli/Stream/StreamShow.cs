using System.CommandLine;
using System.Globalization;

namespace Engine.Cli;

/// <summary>The options that say how the results of a stream are shown.</summary>
internal sealed class StreamShow
{
    private const double OwnThreshold = 0.5, OwnGap = 0.2, OwnLeast = 0.1;

    private readonly Option<string?> _labels = new("--labels") { Description = "Names of the values of a result, separated by commas or one a line of a .txt file; default: the model's metadata 'engine.labels'", HelpName = "A,B|FILE" };
    private readonly Option<double?> _events = new Option<double?>("--events") { Description = "Print runs of results that reach this value, a line a run, instead of every result", HelpName = "VALUE" }.Finite();
    private readonly Option<double?> _gap = new Option<double?>("--gap") { Description = "With --events: a shorter interruption does not end a run", HelpName = "SECONDS" }.Finite();
    private readonly Option<double?> _least = new Option<double?>("--least") { Description = "With --events: shorter runs are not told", HelpName = "SECONDS" }.Finite();
    private readonly Option<bool> _perMinute = new("--per-minute") { Description = "With --events: how many a minute the time since the one before makes, as a heart rate" };
    private readonly Option<double?> _delay = new Option<double?>("--delay") { Description = "Results are about the signal so long before its newest sample; default: the model's metadata 'engine.delay', or 0", HelpName = "SECONDS" }.Finite();
    private readonly Option<bool> _timing = new("--timing") { Description = "Say at the end, on stderr, how many times faster than the signal the model ran" };

    public void AddTo(Command command)
    {
        foreach (Option o in (Option[])[_labels, _events, _gap, _least, _perMinute, _delay, _timing]) command.Options.Add(o);
    }

    /// <summary>True where a line about the time taken is wanted.</summary>
    public bool Timing(ParseResult p) => p.GetValue(_timing);

    /// <summary>Seconds that results lie behind.</summary>
    public double Delay(ParseResult p, StreamNotes notes) => p.GetValue(_delay) ?? notes.Delay;

    /// <summary>What shows the results: of the program's own model as events where no option says otherwise.</summary>
    public StreamPrinter Printer(ParseResult p, StreamModel model, StreamNotes notes, bool isOwn)
    {
        var labels = p.GetValue(_labels) is { } text ? StreamNotes.ParseLabels(text) : notes.Labels;
        if ((p.GetValue(_events) ?? (isOwn ? OwnThreshold : null)) is { } least) return new EventPrinter(model, labels, least, p.GetValue(_gap) ?? (isOwn ? OwnGap : 0), p.GetValue(_least) ?? (isOwn ? OwnLeast : 0), p.GetValue(_perMinute));
        if (p.GetValue(_gap) is not null || p.GetValue(_least) is not null || p.GetValue(_perMinute)) throw CommandException.Usage("--gap, --least, --per-minute: need --events");
        return new ResultPrinter(model, labels);
    }
}

/// <summary>Bounds of options.</summary>
internal static class OptionBounds
{
    /// <summary>Refuses infinities and what is no number.</summary>
    public static Option<double?> Finite(this Option<double?> o)
    {
        o.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && !(double.TryParse(r.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) && double.IsFinite(v))) r.AddError($"{o.Name} {r.Tokens[0].Value}: expected a number");
        });
        return o;
    }
}
