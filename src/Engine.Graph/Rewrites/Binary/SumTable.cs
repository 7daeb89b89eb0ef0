using Engine.Graph.Operators;
using Engine.Tensors;

namespace Engine.Graph;

/// <summary>What the nodes behind a binary layer make of each of its sums: as they are run, so that every rounding of theirs is in it.</summary>
/// <param name="Thresholds">y = −1 where direction · (sum − threshold) is below 0.</param>
/// <param name="Directions">1 or −1 a channel.</param>
/// <param name="PoolDirections">1 where a larger value in front of the pool can only make the sign larger, −1 where smaller; null without a pool.</param>
internal sealed record SumTable(int[] Thresholds, sbyte[] Directions, sbyte[]? PoolDirections)
{
    // Sums in a piece of the table, over all channels.
    private const int Piece = 1 << 20;
    private const long MaxEntries = 1L << 28;

    /// <summary>The thresholds of a layer with a sign at its end, or null with a reason; <paramref name="hasZero"/> where some sum gives neither −1 nor +1.</summary>
    public static SumTable? Of(BinaryLayer layer, IEvaluator evaluator, out string why, out bool hasZero)
    {
        (why, hasZero) = ("", false);
        int channels = layer.Channels, most = layer.Weights.Inputs, step = layer.IsPadded ? 1 : 2;
        long count = 2L * most / step + 1;
        if (count * channels > MaxEntries)
        {
            why = $"its {channels} channels have {count} sums each, too many to look at one by one";
            return null;
        }
        var states = new State[channels];
        states.AsSpan().Fill(State.Start);
        int piece = (int)Math.Max(1, Piece / channels);
        for (long first = 0; first < count; first += piece)
        {
            int n = (int)Math.Min(piece, count - first), lowest = (int)(first * step - most);
            bool last = layer.Weights.Signs.Shape.Rank > 2;
            var shape = last ? new Shape([1, channels, .. Enumerable.Repeat(1L, layer.Weights.Signs.Shape.Rank - 3), n]) : new Shape(n, channels);
            var sums = Tensor.Allocate(DType.F32, shape);
            var values = sums.Span<float>();
            for (int m = 0; m < channels; m++)
                for (int i = 0; i < n; i++) values[last ? m * n + i : i * channels + m] = (float)((double)layer.Weights.Magnitudes[m] * (lowest + i * step) + (layer.Bias?[m] ?? 0));
            Tensor? before = null, y = sums;
            for (int k = 0; k < layer.Steps.Count && y is not null; k++)
                if (k == layer.Pool) before = y;
                else y = Run(layer.Steps[k], y, evaluator);
            if (y is not { DType: DType.F32 })
            {
                why = "a node behind it cannot be computed channel by channel";
                return null;
            }
            ReadOnlySpan<float> signs = y.Span<float>(), pooled = before is null ? default : before.Span<float>();
            for (int m = 0; m < channels; m++)
                for (int i = 0; i < n; i++)
                {
                    int at = last ? m * n + i : i * channels + m, sum = lowest + i * step;
                    if (!states[m].Add(sum, step, signs[at], pooled.IsEmpty ? sum : pooled[at]))
                    {
                        hasZero = signs[at] is not (1 or -1);
                        why = hasZero ? $"the sum {sum} of channel {m} gives {signs[at]:R}, neither -1 nor 1" : $"the sign of channel {m} changes more than once over its sums";
                        return null;
                    }
                }
        }
        return Finish(layer, states, out why);
    }

    private static SumTable? Finish(BinaryLayer layer, State[] states, out string why)
    {
        why = "";
        int most = layer.Weights.Inputs;
        var (thresholds, directions, pool) = (new int[states.Length], new sbyte[states.Length], new sbyte[states.Length]);
        for (int m = 0; m < states.Length; m++)
        {
            var s = states[m];
            (thresholds[m], directions[m]) = !s.Changes ? (s.Last < 0 ? most + 1 : -most, (sbyte)1) : s.Last > 0 ? (s.Edge, (sbyte)1) : (s.Edge, (sbyte)-1);
            pool[m] = s.LargestMinus < s.LeastPlus ? (sbyte)1 : s.LargestPlus < s.LeastMinus ? (sbyte)-1 : (sbyte)0;
            if (pool[m] != 0 || layer.Pool < 0) continue;
            why = $"the sign of channel {m} changes more than once over what is pooled";
            return null;
        }
        return new(thresholds, directions, layer.Pool < 0 ? null : pool);
    }

    private static Tensor? Run(Node n, Tensor x, IEvaluator evaluator)
    {
        try
        {
            var inputs = n.Inputs.Select(v => v is null ? null : v.Constant is { } w ? w.Decode() : x).ToArray();
            return evaluator.Evaluate(n, inputs) is [Tensor y] && y.Shape == x.Shape ? y : null;
        }
        catch (EngineException)
        {
            // Left for planning, which reports it where it is really run.
            return null;
        }
    }

    /// <summary>One channel's signs, from the least sum to the largest.</summary>
    private struct State
    {
        public static State Start => new() { LargestMinus = float.NegativeInfinity, LargestPlus = float.NegativeInfinity, LeastMinus = float.PositiveInfinity, LeastPlus = float.PositiveInfinity };

        public float LargestMinus, LargestPlus, LeastMinus, LeastPlus;
        public int Edge;
        public bool Changes;

        public float Last { get; private set; }

        // Going up the edge is the first +1, going down the last +1.
        public bool Add(int sum, int step, float sign, float pooled)
        {
            if (sign is not (1 or -1)) return false;
            if (sign > 0) (LeastPlus, LargestPlus) = (Math.Min(LeastPlus, pooled), Math.Max(LargestPlus, pooled));
            else (LeastMinus, LargestMinus) = (Math.Min(LeastMinus, pooled), Math.Max(LargestMinus, pooled));
            if (Last != 0 && sign != Last)
            {
                if (Changes) return false;
                (Changes, Edge) = (true, sign > 0 ? sum : sum - step);
            }
            Last = sign;
            return true;
        }
    }
}
