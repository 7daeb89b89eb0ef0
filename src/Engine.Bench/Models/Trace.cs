using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using Engine.Runtime;

namespace Engine.Bench;

/// <summary>
/// The steps of one run a model in the trace event format of Chrome, for chrome://tracing and ui.perfetto.dev: a process a case, complete
/// events in microseconds.
/// </summary>
internal sealed class Trace
{
    private readonly List<(string Name, List<(PlanStep Step, long Start, long End)> Steps)> _cases = [];

    /// <summary>Starts a case; the observer takes the steps of its one run.</summary>
    public StepObserver Begin(string name)
    {
        var steps = new List<(PlanStep, long, long)>();
        _cases.Add((name, steps));
        return (PlanStep step, in StepContext _, long start, long end) => steps.Add((step, start, end));
    }

    /// <summary>Forgets the steps of the current case: those of a run that only warmed up.</summary>
    public void Restart() => _cases[^1].Steps.Clear();

    public void Write(string path)
    {
        using var file = File.Create(path);
        using var w = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        w.WriteStartObject();
        w.WriteString("displayTimeUnit", "ns");
        w.WriteStartArray("traceEvents");
        for (int c = 0; c < _cases.Count; c++)
        {
            var (name, steps) = _cases[c];
            w.WriteStartObject();
            Head(w, "process_name", "M", c);
            w.WriteStartObject("args");
            w.WriteString("name", name);
            w.WriteEndObject();
            w.WriteEndObject();
            foreach (var (step, start, end) in steps)
            {
                w.WriteStartObject();
                Head(w, step.Name, "X", c);
                w.WriteString("cat", step.Operator);
                w.WriteNumber("ts", Microseconds(steps[0].Start, start));
                w.WriteNumber("dur", Microseconds(start, end));
                w.WriteStartObject("args");
                w.WriteString("op", step.Operator);
                w.WriteString("kernel", step.Stem);
                w.WriteString("out", step.OutputDescription);
                if (step.Scheme.Length > 0) w.WriteString("scheme", step.Scheme);
                w.WriteEndObject();
                w.WriteEndObject();
            }
        }
        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void Head(Utf8JsonWriter w, string name, string phase, int process)
    {
        w.WriteString("name", name);
        w.WriteString("ph", phase);
        w.WriteNumber("pid", process);
        w.WriteNumber("tid", 0);
    }

    private static double Microseconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalMicroseconds;
}
