using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

/// <summary>BinarySign: to bits, to bit planes, or to −1 and +1 as numbers.</summary>
internal static unsafe class BinarySignCpu
{
    private static readonly BitsEncoding s_bits = new();
    private static readonly PlanesEncoding s_planes = new();

    public static IEnumerable<Candidate> Candidates(BinarySign op, NodeTypes n)
    {
        if (n.In(0).Shape is { Rank: >= 2 } shape && Threshold(n) is { } t)
        {
            foreach (var from in (Encoding[])[SpatialTypes.Blocked, Encoding.Plain])
                if (BitsConverters.ToBits(shape, from, s_bits, t, op.Direction < 0) is { } step)
                    yield return new Candidate("sign-bits", b => step) { Accepts = [from], Produces = s_bits, Nanoseconds = (double)from.StorageBytes(n.In(0)) / BinaryRates.SignBytes(from, s_bits) };
            yield return new Candidate("sign-planes", b => PlanesConverters.ToPlanes(shape, s_planes, t, op.Direction < 0)) { Produces = s_planes, Nanoseconds = n.In(0).Bytes / BinaryRates.SignBytes(Encoding.Plain, s_planes) };
        }
        yield return new Candidate("binary-sign", b => BindPlain(op, b)) { Nanoseconds = 2 * n.Out(0).Bytes / Rates.BytesPerNanosecond };
    }

    // One number for all channels, or null.
    private static float? Threshold(NodeTypes n) => !n.Has(1) ? 0 : n.Values[1] is { Shape.Elements: 1 } t ? t.Span<float>()[0] : null;

    private static StepFn BindPlain(BinarySign op, BindContext b)
    {
        var x = b.In(0).Shape;
        bool perChannel = b.Has(1) && b.In(1).Elements > 1;
        int channels = perChannel ? x.Int(1) : 1, planes = perChannel ? SpatialTypes.Planes(x) : 1, inner = planes == 0 ? 0 : x.Count(0, x.Rank) / planes, step = perChannel ? 1 : 0, direction = op.Direction;
        return (in StepContext c) => BinaryReference.Sign(c.Workers, (float*)c.InPointer(0), planes, channels, inner, (float*)c.InPointer(1), step, direction, (float*)c.OutPointer(0));
    }
}
