using System.Globalization;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Shows the results of a stream as they come.</summary>
internal abstract class StreamPrinter(IReadOnlyList<string>? labels)
{
    /// <summary>Names of the values of a result; null where none are known.</summary>
    protected IReadOnlyList<string>? Labels => labels;

    /// <summary>Titles of the columns.</summary>
    public abstract void Begin(TextWriter to);

    /// <summary>One result: its number, the time in seconds that it is about, that of the one before, its values.</summary>
    public abstract void Add(TextWriter to, StreamOutput output, long index, double time, double before, ReadOnlySpan<float> values);

    /// <summary>The stream has ended.</summary>
    public virtual void End(TextWriter to) { }

    /// <summary>Labels are those of the results of a model's one output; with more outputs, of those that have as many values.</summary>
    protected bool IsLabelled(StreamModel model, StreamOutput output, int values)
    {
        if (labels is null) return false;
        if (labels.Count == values) return true;
        return model.Plan.Outputs.Count > 1 ? false : throw new InputException($"output '{output.Name}' has {values} values a result, but there are {labels.Count} labels");
    }

    protected static string Number(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}

/// <summary>Every result: time of the newest sample, output, number, values; with labels, which value is the largest.</summary>
internal sealed class ResultPrinter(StreamModel model, IReadOnlyList<string>? labels) : StreamPrinter(labels)
{
    private const int MostValues = 16;

    public override void Begin(TextWriter to) => to.WriteLine(Labels is null ? "time s,output,index,values" : "time s,output,index,largest,values");

    public override void Add(TextWriter to, StreamOutput output, long index, double time, double before, ReadOnlySpan<float> values)
    {
        var shown = new string[Math.Min(values.Length, MostValues)];
        for (int i = 0; i < shown.Length; i++) shown[i] = values[i].ToString("g6", CultureInfo.InvariantCulture);
        string largest = Labels is null ? "" : IsLabelled(model, output, values.Length) ? Labels[Largest(values)] + "," : ",";
        to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{time:0.####},{output.Name},{index},{largest}{string.Join(' ', shown)}{(values.Length > MostValues ? " …" : "")}"));
    }

    private static int Largest(ReadOnlySpan<float> values)
    {
        int best = 0;
        for (int i = 1; i < values.Length; i++)
            if (values[i] > values[best]) best = i;
        return best;
    }
}

/// <summary>
/// Runs of results whose value reaches a threshold, a line each when it has ended: time of the largest value, label, that value, begin and end; optionally how many a minute the distance to the one before
/// of that label makes.
/// </summary>
internal sealed class EventPrinter(StreamModel model, IReadOnlyList<string>? labels, double threshold, double gap, double least, bool perMinute) : StreamPrinter(labels)
{
    private const double Rounding = 1e-9;
    private readonly Dictionary<string, Event[]> _events = new(StringComparer.Ordinal);

    public override void Begin(TextWriter to) => to.WriteLine(perMinute ? "time s,label,value,from s,to s,a minute" : "time s,label,value,from s,to s");

    public override void Add(TextWriter to, StreamOutput output, long index, double time, double before, ReadOnlySpan<float> values)
    {
        if (!_events.TryGetValue(output.Name, out var events)) _events[output.Name] = events = Named(output, values.Length);
        for (int i = 0; i < values.Length; i++)
        {
            var e = events[i];
            if (e.IsOpen && before > e.To + gap + Rounding) Close(to, e);
            if (!(values[i] >= threshold)) continue;
            if (!e.IsOpen) (e.IsOpen, e.From, e.Value) = (true, before, float.NegativeInfinity);
            e.To = time;
            if (values[i] > e.Value) (e.Value, e.Time) = (values[i], time);
        }
    }

    public override void End(TextWriter to)
    {
        foreach (var e in _events.Values.SelectMany(e => e).Where(e => e.IsOpen).OrderBy(e => e.To)) Close(to, e);
    }

    private Event[] Named(StreamOutput output, int values)
    {
        bool labelled = IsLabelled(model, output, values);
        var events = new Event[values];
        for (int i = 0; i < values; i++) events[i] = new(labelled ? Labels![i] : values == 1 ? output.Name : string.Create(CultureInfo.InvariantCulture, $"{output.Name}[{i}]"));
        return events;
    }

    private void Close(TextWriter to, Event e)
    {
        e.IsOpen = false;
        if (e.To - e.From < least - Rounding) return;
        string line = $"{Number(e.Time)},{e.Label},{Number(e.Value)},{Number(e.From)},{Number(e.To)}";
        to.WriteLine(!perMinute ? line : e.Last is { } last ? $"{line},{(60 / (e.Time - last)).ToString("0.#", CultureInfo.InvariantCulture)}" : line + ",");
        e.Last = e.Time;
    }

    /// <summary>The run of one label that is open, and the time of the one before.</summary>
    private sealed class Event(string label)
    {
        public string Label { get; } = label;
        public bool IsOpen { get; set; }
        public double From { get; set; }
        public double To { get; set; }
        public double Time { get; set; }
        public float Value { get; set; }
        public double? Last { get; set; }
    }
}
