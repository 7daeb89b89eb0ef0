using System.Runtime.Intrinsics;
using Engine.Tensors;

namespace Engine.Tests.Streaming;

public class RandomStackTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void StreamGivesWhatTheWholeSignalGives(int part)
    {
        int compared = 0, empty = 0;
        // Without vectors every eighth stack: convolutions take ten times as long.
        int every = Vector128.IsHardwareAccelerated ? 4 : 32;
        for (int seed = part; seed < 3200; seed += every)
        {
            switch (Compare(seed))
            {
                case true: compared++; break;
                case null: empty++; break;
            }
        }
        Assert.True(compared >= 2800 / every, $"{compared} stacks compared, {empty} of no output");
    }

    private static bool? Compare(int seed)
    {
        var stack = new RandomStack(seed);
        var random = new Random(seed + 1_000_000);
        var x = Tensor.From(stack.Input, TestData.Floats((int)stack.Input.Elements, seed));
        string what = $"seed {seed}, {stack.Length} samples: {string.Join("; ", stack.Description)}";
        Tensor whole;
        try
        {
            whole = StreamRunner.Whole(new RandomStack(seed).Graph, x);
        }
        catch (OperatorException)
        {
            // A window longer than what is left of the signal.
            return null;
        }
        if (whole.Shape.Elements == 0) return null;
        int hop = StreamRunner.SmallestHop(stack.Graph, stack.Input, stack.Axis) * (1 + random.Next(3));
        using var model = StreamRunner.Model(new RandomStack(seed).Graph, stack.Input, stack.Axis, hop);
        using var session = model.CreateSession(new() { Session = new() { Threads = 1 }, Queue = 1 + random.Next(3) });
        var frames = StreamRunner.Stream(session, x, stack.Axis, random);
        float[] expected = StreamRunner.Samples(whole, stack.Axis);
        Assert.True(frames.Count == whole.Shape[stack.Axis], $"{what}: {frames.Count} frames, expected {whole.Shape[stack.Axis]}");
        int n = frames[0].Length;
        float tolerance = 1e-5f * (1 + expected.Max(MathF.Abs));
        for (int f = 0; f < frames.Count; f++)
            for (int i = 0; i < n; i++)
                Assert.True(Math.Abs(frames[f][i] - expected[f * n + i]) <= tolerance, $"{what}, hop {hop}: frame {f} of {frames.Count}, element {i}: expected {expected[f * n + i]}, got {frames[f][i]}");
        return true;
    }
}
