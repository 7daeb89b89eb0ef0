using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Attention over windows that advance with a stream; states are changed in place where input and output are one.</summary>
internal static unsafe class ContinualAttentionCpu
{
    public static StepFn Retroactive(RetroactiveAttention op, BindContext b)
    {
        var g = new Geometry(b);
        var kernel = new RetroactiveF32(g.Batch, g.Heads, g.Frames, g.Window, g.Width, g.ValueWidth, op.Scale);
        int next = op.Next;
        return (in StepContext c) =>
        {
            for (int i = 0; i < 2; i++) Keep(c, 3 + i, 1 + i);
            kernel.Run(c.Workers, new RetroactiveOperands
            {
                Q = g.Rows((float*)c.InPointer(0), g.Frames, g.Width),
                K = g.Rows((float*)c.InPointer(1), g.Frames, g.Width),
                V = g.Rows((float*)c.InPointer(2), g.Frames, g.ValueWidth),
                Y = g.Rows((float*)c.OutPointer(0), g.Window, g.ValueWidth),
                Past = (float*)c.OutPointer(1),
                Rows = (double*)c.OutPointer(2),
                Next = (long*)c.InPointer(next),
            });
            g.Advance(c.In<long>(next), c.Out<long>(3));
        };
    }

    public static StepFn SingleOutput(SingleOutputAttention op, BindContext b)
    {
        var g = new Geometry(b);
        var kernel = new AttentionF32(g.Batch, g.Heads, 1, g.Window, g.Width, g.ValueWidth, op.Scale);
        int packed = b.Work(Checked.Mul(sizeof(float), AttentionF32.PackedLength(g.Batch, g.Heads, g.Window, g.Width, g.ValueWidth))), next = op.Next, wide = g.Width + g.ValueWidth;
        return (in StepContext c) =>
        {
            Keep(c, 3, 1);
            float* past = (float*)c.OutPointer(1), q = (float*)c.InPointer(0), k = (float*)c.InPointer(1), v = (float*)c.InPointer(2);
            var places = c.In<long>(next);
            for (int unit = 0; unit < g.Batch * g.Heads; unit++)
                for (int f = 0; f < g.Frames; f++)
                {
                    float* to = past + ((nint)unit * g.Window + g.Place(places[unit / g.Heads], f)) * wide;
                    new ReadOnlySpan<float>(k + ((nint)unit * g.Frames + f) * g.Width, g.Width).CopyTo(new(to, g.Width));
                    new ReadOnlySpan<float>(v + ((nint)unit * g.Frames + f) * g.ValueWidth, g.ValueWidth).CopyTo(new(to + g.Width, g.ValueWidth));
                }
            // Weights add up to the same in whatever order keys lie.
            kernel.Run(c.Workers, new AttentionOperands
            {
                Q = g.Rows(q + (nint)(g.Frames - 1) * g.Width, g.Frames, g.Width),
                K = g.Rows(past, g.Window, wide),
                V = g.Rows(past + g.Width, g.Window, wide),
                Y = g.Rows((float*)c.OutPointer(0), 1, g.ValueWidth),
            }, (float*)c.WorkPointer(packed));
            g.Advance(places, c.Out<long>(2));
        };
    }

    // A state that the caller did not bind in place is copied first.
    private static void Keep(in StepContext c, int input, int output)
    {
        if (c.InPointer(input) != c.OutPointer(output)) c.In<byte>(input).CopyTo(c.Out<byte>(output));
    }

    /// <summary>Sizes of [batch, heads, frames, width], of which the first or the first two may be left out, and of the window.</summary>
    private sealed class Geometry
    {
        public Geometry(BindContext b)
        {
            Shape q = b.In(0).Shape, v = b.In(2).Shape, past = b.In(3).Shape;
            Batch = q.Rank > 2 ? q.Int(0) : 1;
            Heads = q.Rank > 3 ? q.Int(1) : 1;
            for (int i = 0; i < b.InputCount - 3; i++) b.Out(1 + i);
            (Frames, Width, ValueWidth, Window) = (q.Int(-2), q.Int(-1), v.Int(-1), past.Int(-2));
        }

        public int Batch { get; }

        public int Heads { get; }

        public int Frames { get; }

        public int Width { get; }

        public int ValueWidth { get; }

        public int Window { get; }

        public HeadRows Rows(float* data, int rows, int wide) => new(data, (nint)Heads * rows * wide, (nint)rows * wide, wide);

        /// <summary>Where new frame <paramref name="f"/> goes. States come from files too.</summary>
        public int Place(long next, int f) => (int)(((ulong)next % (ulong)Window + (ulong)f) % (ulong)Window);

        public void Advance(ReadOnlySpan<long> next, Span<long> to)
        {
            for (int i = 0; i < to.Length; i++) to[i] = Place(next[i], Frames);
        }
    }
}
