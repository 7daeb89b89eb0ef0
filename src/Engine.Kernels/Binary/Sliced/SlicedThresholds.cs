using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// When a result is −1, for <see cref="SlicedBlock.Thresholds"/>: per channel and class of outputs the number whose sum with the counter has the result as its sign, a u32 a bit,
/// all ones or zeros; classes but the first as what differs from it.
/// </summary>
public static unsafe class SlicedThresholds
{
    /// <summary>u32 of one channel.</summary>
    public static int Step(SlicedWindow window, in SlicedProgram program) => window.Classes * program.Bits;

    /// <summary>
    /// y = −1 where sum &lt; threshold, or where <paramref name="negative"/> sum &gt; threshold, with padding that counts 0. A channel is always −1 with <see cref="int.MaxValue"/> and not negative,
    /// and always +1 with <see cref="int.MinValue"/>.
    /// </summary>
    public static Tensor Pack(SlicedWindow window, in SlicedProgram program, ReadOnlySpan<int> thresholds, ReadOnlySpan<bool> negative)
    {
        if (thresholds.Length != program.Rows || negative.Length != program.Rows) throw new ArgumentException($"{program.Rows} channels take as many thresholds and directions, not {thresholds.Length} and {negative.Length}");
        int bits = program.Bits;
        var packed = Tensor.Allocate(DType.U32, new Shape(program.Rows, window.Classes, bits));
        var y = packed.Span<uint>();
        for (int r = 0; r < program.Rows; r++)
        {
            uint first = 0;
            for (int c = 0; c < window.Classes; c++)
            {
                // Inputs in the padding were counted as +1.
                long twice = (long)thresholds[r] + program.Columns + window.Excess(program, r, c);
                // −1 where the number of agreeing inputs is below this, or where it is not.
                long limit = negative[r] ? (twice >> 1) + 1 : (twice + 1) >> 1;
                uint k = (uint)(program.Base(r) - (int)Math.Clamp(limit, 0, program.Columns + 1L));
                if (negative[r]) k ^= 1u << (bits - 1);
                if (c == 0) first = k;
                else k ^= first;
                for (int i = 0; i < bits; i++) y[(r * window.Classes + c) * bits + i] = (k >> i & 1) != 0 ? uint.MaxValue : 0;
            }
        }
        return packed;
    }
}
