using Engine.Tensors;

namespace Engine.Graph.Streaming;

/// <summary>
/// A mask of attention whose elements follow from the distance of query and key alone: query i sees key j where −<see cref="After"/> ≤ i − j ≤ <see cref="Before"/>, and adds to the score what belongs
/// to i − j, perhaps a head's own.
/// </summary>
public sealed class AttentionBand
{
    // A score lower by so much weighs nothing: exp(−1e4) is 0 in every float type.
    private const float Hides = -1e4f;

    private readonly Shape _lead;
    // By lead, then i − j from 1 − length to length − 1; what is hidden is −∞.
    private readonly float[] _added;

    private AttentionBand(Shape lead, long length, float[] added)
    {
        (_lead, Length, _added) = (lead, length, added);
        (Before, After) = (-length, -length);
        for (int i = 0; i < added.Length; i++)
        {
            if (float.IsNegativeInfinity(added[i])) continue;
            long distance = i % (2 * length - 1) - (length - 1);
            (Before, After) = (Math.Max(Before, distance), Math.Max(After, -distance));
        }
    }

    /// <summary>Frames of the signal that the mask was made for.</summary>
    public long Length { get; }

    /// <summary>How far back the oldest key lies that a query sees.</summary>
    public long Before { get; }

    /// <summary>How far ahead the newest key lies that a query sees; negative where it is an older one.</summary>
    public long After { get; }

    /// <summary>True where a query sees all that was before it: the first key is seen by the last query.</summary>
    public bool SeesAllPast => Before == Length - 1;

    /// <summary>True where a query sees all that comes after it.</summary>
    public bool SeesAllFuture => After == Length - 1;

    /// <summary>True where every query sees the key of its own frame.</summary>
    public bool SeesItself => Enumerable.Range(0, Checked.Int(_lead.Elements)).All(b => !float.IsNegativeInfinity(_added[b * (2 * Length - 1) + Length - 1]));

    /// <summary>A query sees itself and everything before it, of so many frames.</summary>
    public static AttentionBand Causal(long length)
    {
        var added = new float[2 * length - 1];
        Array.Fill(added, float.NegativeInfinity, 0, Checked.Int(length - 1));
        return new(Shape.Scalar, length, added);
    }

    /// <summary>
    /// The band of a mask [.., frames, frames], or null where it is none. A number is added to the score; a truth value hides the key where it is <paramref name="hidesWhere"/>.
    /// </summary>
    public static AttentionBand? Of(Tensor mask, bool hidesWhere = false)
    {
        var s = mask.Shape;
        if (s.Rank < 2 || s[-1] != s[-2] || s[-1] < 2 || s.Elements > int.MaxValue || Scores(mask, hidesWhere) is not { } scores) return null;
        int n = s.Int(-1), wide = 2 * n - 1;
        var lead = new Shape(s.Dims[..^2]);
        var added = new float[Checked.Int(Checked.Mul(lead.Elements, wide))];
        for (int b = 0; b < lead.Elements; b++)
        {
            var own = added.AsSpan(b * wide, wide);
            // The first row and the first column hold every distance once.
            for (int i = 0; i < n; i++) (own[n - 1 - i], own[n - 1 + i]) = (scores[b * n * n + i], scores[b * n * n + i * n]);
            for (int i = 1; i < n; i++)
                for (int j = 1; j < n; j++)
                    if (!scores[(b * n + i) * n + j].Equals(own[n - 1 + i - j])) return null;
        }
        return new(lead, n, added);
    }

    private static float[]? Scores(Tensor mask, bool hidesWhere)
    {
        float[]? scores = mask.DType switch
        {
            DType.F32 => mask.Span<float>().ToArray(),
            DType.F64 => [.. mask.Span<double>().ToArray().Select(v => (float)v)],
            DType.F16 => [.. mask.Span<Half>().ToArray().Select(v => (float)v)],
            DType.BF16 => [.. mask.Span<BFloat16>().ToArray().Select(v => (float)v)],
            DType.Bool => [.. mask.Bytes.ToArray().Select(v => v != 0 == hidesWhere ? float.NegativeInfinity : 0)],
            _ => null,
        };
        if (scores is null || scores.Any(v => float.IsNaN(v) || float.IsPositiveInfinity(v))) return null;
        for (int i = 0; i < scores.Length; i++) if (scores[i] <= Hides) scores[i] = float.NegativeInfinity;
        return scores;
    }

    /// <summary>Both masks at once, or null where they are of different lengths.</summary>
    public AttentionBand? With(AttentionBand other)
    {
        if (other.Length != Length) return null;
        var lead = Shape.Broadcast(_lead, other._lead);
        int wide = Checked.Int(2 * Length - 1);
        var added = new float[Checked.Int(Checked.Mul(lead.Elements, wide))];
        for (int b = 0; b < lead.Elements; b++)
        {
            int own = Place(lead, _lead, b) * wide, its = Place(lead, other._lead, b) * wide;
            for (int i = 0; i < wide; i++) added[b * wide + i] = _added[own + i] + other._added[its + i];
        }
        return new(lead, Length, added);
    }

    // Where a part of the broadcast shape lies in one of its operands.
    private static int Place(Shape whole, Shape part, long at)
    {
        long place = 0, stride = 1;
        for (int i = 1; i <= whole.Rank; i++)
        {
            long index = at % whole[-i];
            at /= whole[-i];
            if (i > part.Rank) continue;
            if (part[-i] != 1) place += index * stride;
            stride *= part[-i];
        }
        return Checked.Int(place);
    }

    /// <summary>The mask of a hop, [.., <paramref name="frames"/>, <paramref name="frames"/> + <paramref name="before"/> + <see cref="After"/>]: key 0 lies <paramref name="before"/> frames before query 0.</summary>
    public Tensor OfHop(DType type, int frames, long before)
    {
        long keys = frames + before + After;
        var t = Tensor.Allocate(DType.F32, new Shape([.. _lead.Dims, frames, keys]));
        var to = t.Span<float>();
        float hidden = Hidden(type);
        for (int b = 0, at = 0; b < _lead.Elements; b++)
            for (int i = 0; i < frames; i++)
                for (long j = 0; j < keys; j++, at++)
                {
                    long distance = i + before - j;
                    float v = distance < -After || distance > before ? float.NegativeInfinity : _added[b * (2 * Length - 1) + distance + Length - 1];
                    to[at] = float.IsNegativeInfinity(v) ? hidden : v;
                }
        return t;
    }

    /// <summary>What hides a key, twice of which is still a number of the type.</summary>
    public static float Hidden(DType type) => type == DType.F16 ? -3e4f : -1e30f;
}
