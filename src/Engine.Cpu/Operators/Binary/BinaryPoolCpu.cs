using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>BinaryMaxPool: on bits an AND or an OR, or on numbers.</summary>
internal static unsafe class BinaryPoolCpu
{
    public static IEnumerable<Candidate> Candidates(BinaryMaxPool op, NodeTypes n)
    {
        var window = SpatialTypes.Window(op.Windows(n.In(0).Shape));
        var bits = new BitsEncoding();
        if (n.In(0).Elements > 0 && (!n.Has(1) || n.Values[1] is not null))
            yield return new Candidate("max-pool-bits", b => BindBits(window, n.Values.ElementAtOrDefault(1), b))
            {
                Accepts = [bits],
                Produces = bits,
                Nanoseconds = (double)bits.StorageBytes(n.Out(0)) / sizeof(ulong) * window.Taps,
            };
        yield return new Candidate("binary-max-pool", b => BindPlain(window, b)) { Nanoseconds = 2.0 * n.Out(0).Elements * window.Taps };
    }

    private static StepFn BindBits(Window3 window, Tensor? directions, BindContext b)
    {
        int images = b.In(0).Shape.Int(0), channels = b.In(0).Shape.Int(1), words = ChannelBits.Words(channels);
        ulong[] used = new ulong[words], least = new ulong[words];
        for (int c = 0; c < channels; c++)
        {
            used[c / 64] |= 1ul << c % 64;
            if (directions is not null && directions.Span<sbyte>()[c] < 0) least[c / 64] |= 1ul << c % 64;
        }
        return (in StepContext c) => ChannelBits.MaxPool(c.Workers, (ulong*)c.InPointer(0), images, window, words, used, least, (ulong*)c.OutPointer(0));
    }

    private static StepFn BindPlain(Window3 window, BindContext b)
    {
        var x = b.In(0).Shape;
        int planes = SpatialTypes.Planes(x), channels = Math.Max(1, x.Int(1));
        return (in StepContext c) => BinaryReference.MaxPool(c.Workers, planes, channels, window, (float*)c.InPointer(0), (sbyte*)c.InPointer(1), (float*)c.OutPointer(0));
    }
}
