using Engine.Tensors;

namespace Engine.Tests.Streaming;

/// <summary>Streams in a group give what each gives by itself.</summary>
public class StreamGroupTests
{
    private const int Streams = 11, Samples = 200;

    [Theory]
    [InlineData("convolutions", 4, true)]
    [InlineData("recurrent", 4, true)]
    [InlineData("windows", 4, true)]
    [InlineData("attention", 3, true)]
    [InlineData("convolutions", 1, false)]
    [InlineData("joined", 4, false)]
    public void StreamsComeAndGoWithoutAnEffectOnTheOthers(string kind, int width, bool batched)
    {
        using var model = SensorStack.Model(kind);
        using var group = model.CreateGroup(new() { Width = width, Session = new() { Threads = 2 } });
        Assert.Equal(batched, group.Width == width && width > 1);
        Assert.Equal(batched, group.NotBatched.Length == 0);
        var random = new Random(width);
        var live = new List<(StreamSlot Slot, int Signal, List<(long, float[])> Results)>();
        var done = new List<(int Signal, List<(long, float[])> Results)>();
        int[] pushed = new int[Streams];
        for (int next = 0; done.Count < Streams;)
        {
            if (next < Streams && (live.Count == 0 || random.Next(3) == 0)) live.Add((group.Add(), next++, []));
            foreach (var (slot, signal, _) in live)
            {
                int n = Math.Min(random.Next(2 * SensorStack.Hop), Samples - pushed[signal]);
                if (pushed[signal] < Samples) pushed[signal] += slot.Push(Signal(signal).AsSpan(pushed[signal] * SensorStack.Channels, n * SensorStack.Channels));
            }
            group.Step();
            for (int i = live.Count - 1; i >= 0; i--)
            {
                var (slot, signal, results) = live[i];
                while (slot.TryRead(out var r)) results.Add(Copy(r));
                if (pushed[signal] < Samples || slot.IsDue || !slot.Finish()) continue;
                done.Add((signal, results));
                live.RemoveAt(i);
                slot.Dispose();
            }
        }
        Assert.Equal(0, group.Count);
        foreach (var (signal, results) in done) AssertSame(Alone(model, Signal(signal)), results, group.HasSameBits);
    }

    [Theory]
    [InlineData("recurrent")]
    [InlineData("windows")]
    public void StatesMoveBetweenGroupsAndSessions(string kind)
    {
        using var model = SensorStack.Model(kind);
        using var group = model.CreateGroup(new() { Width = 4 });
        using var session = model.CreateSession();
        float[] signal = Signal(0);
        var slots = Enumerable.Range(0, 4).Select(_ => group.Add()).ToList();
        var results = new List<(long, float[])>();
        byte[]? saved = null;
        for (int at = 0, turn = 0; at < Samples; turn++)
        {
            int n = Math.Min(5 + turn, Samples - at);
            var part = signal.AsSpan(at * SensorStack.Channels, n * SensorStack.Channels);
            if (turn % 2 == 0)
            {
                if (saved is not null) session.Restore(saved);
                Assert.Equal(n, session.Push(part));
                while (session.TryRead(out var r)) results.Add(Copy(r));
                saved = session.Save();
            }
            else
            {
                var slot = slots[turn % 4];
                slot.Restore(saved);
                // The others are somewhere else.
                foreach (var other in slots.Where(s => s != slot)) other.Push(Signal(turn).AsSpan(0, SensorStack.Hop * SensorStack.Channels));
                for (int taken = 0; taken < n || slot.IsDue;)
                {
                    taken += slot.Push(part[(taken * SensorStack.Channels)..]);
                    group.Step();
                    foreach (var s in slots) while (s.TryRead(out var r)) if (s == slot) results.Add(Copy(r));
                }
                saved = slot.Save();
            }
            at += n;
        }
        session.Restore(saved!);
        while (!session.Finish()) while (session.TryRead(out var r)) results.Add(Copy(r));
        while (session.TryRead(out var r)) results.Add(Copy(r));
        AssertSame(Alone(model, signal), results, group.HasSameBits);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(1)]
    public void StepAllocatesNothing(int width)
    {
        using var model = SensorStack.Model("recurrent");
        using var group = model.CreateGroup(new() { Width = width });
        var slots = Enumerable.Range(0, 6).Select(_ => group.Add()).ToArray();
        float[] chunk = TestData.Floats(SensorStack.Hop * SensorStack.Channels, 1), frame = new float[64];
        AssertEx.AllocatesNothing(() =>
        {
            foreach (var s in slots) s.Push(chunk);
            group.Step();
            foreach (var s in slots) while (s.TryRead(out var r)) r.CopyTo(frame.AsSpan());
        });
        var f = slots[0].Footprint;
        Assert.Equal(model.Plan.StateBytes, f.States);
        Assert.Equal(f.States + f.Samples + f.Results + f.Shared, f.Total);
        Assert.Equal(group.SharedBytes / 6, f.Shared);
    }

    [Fact]
    public void SamplesWaitWhileNoStepRunsAndResultsWhileNoneIsRead()
    {
        using var model = SensorStack.Model("convolutions");
        using var group = model.CreateGroup(new() { Width = 4, Queue = 1, Backlog = 2 });
        var slot = group.Add();
        Assert.Equal(2 * SensorStack.Hop, slot.Push(Signal(0)));
        Assert.Equal(0, slot.Push(Signal(0)));
        Assert.Throws<InvalidOperationException>(() => slot.Save());
        Assert.Throws<InputException>(() => slot.Push(new float[SensorStack.Channels + 1]));
        Assert.Equal(1, group.Step());
        while (slot.TryRead(out _)) { }
        Assert.Equal(1, group.Step());
        Assert.True(slot.TryRead(out _));
        Assert.Equal(0, group.Step());
        Assert.Throws<InputException>(() => model.CreateGroup(new() { Width = 0 }));
        Assert.Throws<InputException>(() => model.CreateGroup(new() { Backlog = 0 }).Add());
    }

    [Fact]
    public void CancelledStepOfABatchCanBeRepeated()
    {
        using var model = SensorStack.Model("recurrent");
        using var group = model.CreateGroup(new() { Width = 2 });
        StreamSlot a = group.Add(), b = group.Add();
        var results = new List<(long, float[])>();
        for (int at = 0; at < Samples; at += SensorStack.Hop)
        {
            foreach (var s in (StreamSlot[])[a, b]) s.Push(Signal(3).AsSpan(at * SensorStack.Channels, SensorStack.Hop * SensorStack.Channels));
            if (at == 64) Assert.ThrowsAny<OperationCanceledException>(() => group.Step(new CancellationToken(true)));
            Assert.Equal(2, group.Step());
            while (a.TryRead(out var r)) results.Add(Copy(r));
            while (b.TryRead(out _)) { }
        }
        var expected = Alone(model, Signal(3));
        AssertSame(expected[..results.Count], results, group.HasSameBits);
    }

    private static float[] Signal(int seed) => TestData.Floats(Samples * SensorStack.Channels, 100 + seed);

    private static (long Index, float[] Values) Copy(StreamResult r)
    {
        float[] values = new float[r.Frames * r.FrameElements];
        r.CopyTo(values.AsSpan());
        return (r.Index, values);
    }

    private static List<(long, float[])> Alone(StreamModel model, float[] signal)
    {
        using var session = model.CreateSession();
        var results = new List<(long, float[])>();
        for (int taken = 0; taken < Samples;)
        {
            taken += session.Push(signal.AsSpan(taken * SensorStack.Channels));
            while (session.TryRead(out var r)) results.Add(Copy(r));
        }
        while (!session.Finish()) while (session.TryRead(out var r)) results.Add(Copy(r));
        while (session.TryRead(out var r)) results.Add(Copy(r));
        return results;
    }

    private static void AssertSame(List<(long Index, float[] Values)> expected, List<(long Index, float[] Values)> actual, bool bits)
    {
        Assert.Equal(expected.Select(e => e.Index), actual.Select(a => a.Index));
        float largest = expected.Max(e => e.Values.Max(Math.Abs));
        foreach (var (e, a) in expected.Zip(actual))
            if (bits) Assert.Equal(e.Values, a.Values);
            else for (int i = 0; i < e.Values.Length; i++) Assert.Equal(e.Values[i], a.Values[i], 1e-5f * largest);
    }
}
