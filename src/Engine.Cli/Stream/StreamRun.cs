using System.Globalization;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Runs a stream and prints its results as they become due: time of the newest sample in seconds, output, number, values.</summary>
internal static class StreamRun
{
    private const int MostValues = 16;

    public static void Run(StreamModel model, StreamSource source, int threads, CancellationToken cancellation)
    {
        using var session = model.CreateSession(new() { Session = new() { Threads = threads } });
        int elements = session.SampleElements;
        if (source.Channels is { } c && c != elements) throw new InputException($"the signal has {c} channels, a sample of the model has {elements}");
        var chunk = new float[model.Plan.Hop * elements];
        var frame = new List<float>();
        Console.Out.WriteLine("time s,output,index,values");
        for (int n; (n = source.Read(chunk, elements)) > 0;)
        {
            if (n % elements != 0) throw new InputException($"the signal ends within a sample of {elements} elements");
            for (int taken = 0; taken < n / elements;)
            {
                cancellation.ThrowIfCancellationRequested();
                taken += session.Push(chunk.AsSpan(taken * elements, n - taken * elements), cancellation);
                Print(session, source.Rate, frame);
            }
            Console.Out.Flush();
        }
        while (!session.Finish(cancellation)) Print(session, source.Rate, frame);
        Print(session, source.Rate, frame);
    }

    private static void Print(StreamSession session, int rate, List<float> values)
    {
        while (session.TryRead(out var r))
        {
            if (r.Values.DType != DType.F32) throw new UnsupportedException($"output '{r.Output.Name}' is {r.Values.DType.Display()}, only f32 is printed");
            int elements = r.FrameElements;
            System.Runtime.InteropServices.CollectionsMarshal.SetCount(values, r.Frames * elements);
            r.CopyTo(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(values));
            for (int f = 0; f < r.Frames; f++)
            {
                double sample = r.Output.Pulse is { } p ? p.Time.Newest + (r.Index + f) * p.Time.Step : r.Sample;
                var shown = values.Skip(f * elements).Take(Math.Min(elements, MostValues)).Select(v => v.ToString("g6", CultureInfo.InvariantCulture));
                Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(sample + 1) / rate:0.####},{r.Output.Name},{r.Index + f},{string.Join(' ', shown)}{(elements > MostValues ? " …" : "")}"));
            }
        }
    }
}
