namespace Engine.Kernels;

/// <summary>Where an output position beyond the input takes its element from.</summary>
public enum PadSource
{
    /// <summary>The fill value.</summary>
    Fill,
    /// <summary>The input mirrored at its edge element.</summary>
    Reflect,
    /// <summary>The edge element.</summary>
    Edge,
    /// <summary>The input repeated.</summary>
    Wrap,
}

/// <summary>One axis: <paramref name="Kept"/> input elements from <paramref name="First"/> on lie at output position <paramref name="Before"/>.</summary>
public readonly record struct PadAxis(long First, long Before, long Kept, long Length, long Stride, PadSource Source)
{
    /// <summary>The axis of <paramref name="n"/> elements with counts added, or removed where negative, at both ends.</summary>
    public static PadAxis Of(long n, long before, long after, long stride, PadSource source)
    {
        long first = Math.Max(0, -before), kept = n - first - Math.Max(0, -after);
        return new(first, Math.Max(0, before), kept, kept + Math.Max(0, before) + Math.Max(0, after), stride, source);
    }

    /// <summary>Input position of output position <paramref name="i"/>, −1 for the fill value.</summary>
    public long At(long i)
    {
        long p = i - Before;
        if ((ulong)p < (ulong)Kept) return First + p;
        switch (Source)
        {
            case PadSource.Edge:
                return First + (p < 0 ? 0 : Kept - 1);
            case PadSource.Wrap:
                p %= Kept;
                return First + (p < 0 ? p + Kept : p);
            case PadSource.Reflect:
                long period = 2 * (Kept - 1);
                if (period == 0) return First;
                p %= period;
                if (p < 0) p += period;
                return First + (p < Kept ? p : period - p);
            default:
                return -1;
        }
    }
}

/// <summary>A copy with elements added or removed around every axis: all modes of Pad.</summary>
public static unsafe class PadCopy
{
    /// <summary>Fills <paramref name="y"/>; one axis at least, outermost first.</summary>
    public static void Run<T>(Workers workers, T* x, PadAxis[] axes, T fill, T* y) where T : unmanaged
    {
        long rows = 1;
        foreach (var a in axes)
        {
            if (a.Length == 0) return;
            rows *= a.Length;
        }
        var last = axes[^1];
        workers.For(Tensors.Checked.Int(rows / last.Length), (int)Math.Max(1, 16384 / last.Length), new Body<T>(x, axes, fill, y));
    }

    private readonly struct Body<T>(T* x, PadAxis[] axes, T fill, T* y) : IParallelBody where T : unmanaged
    {
        public void Run(int start, int end)
        {
            var last = axes[^1];
            int length = (int)last.Length, runStart = (int)last.Before, run = (int)last.Kept;
            for (int row = start; row < end; row++)
            {
                T* to = y + (long)row * length;
                long at = Offset(row);
                if (at < 0)
                {
                    new Span<T>(to, length).Fill(fill);
                    continue;
                }
                Around(x + at, to, 0, runStart, last);
                new ReadOnlySpan<T>(x + at + last.First, run).CopyTo(new Span<T>(to + runStart, run));
                Around(x + at, to, runStart + run, length, last);
            }
        }

        private void Around(T* from, T* to, int start, int end, PadAxis axis)
        {
            if (axis.Source == PadSource.Fill) new Span<T>(to + start, end - start).Fill(fill);
            else for (int i = start; i < end; i++) to[i] = from[axis.At(i)];
        }

        // First element of the input row, −1 when the whole row is fill.
        private long Offset(int row)
        {
            long at = 0, rest = row;
            for (int d = axes.Length - 2; d >= 0; d--)
            {
                (rest, long i) = Math.DivRem(rest, axes[d].Length);
                long from = axes[d].At(i);
                if (from < 0) return -1;
                at += from * axes[d].Stride;
            }
            return at;
        }
    }
}
