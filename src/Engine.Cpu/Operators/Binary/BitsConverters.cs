using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Between f32 and bits of signs.</summary>
internal static unsafe class BitsConverters
{
    public static StepFn? Find(TensorType type, Encoding from, Encoding to)
    {
        if (type.DType != DType.F32) return null;
        switch (from, to)
        {
            case (PlainEncoding or BlockedEncoding { Axis: 1, Block: ConvBlocked.Block }, BitsEncoding bits):
                return ToBits(type.Shape, from, bits, 0, false);
            case (BitsEncoding bits, PlainEncoding) when Axes(type.Shape, bits) is var (outer, channels, inner):
                return (in StepContext c) => ChannelBits.ToPlanes(c.Workers, (ulong*)c.InPointer(0), outer, channels, inner, (float*)c.OutPointer(0));
            default:
                return null;
        }
    }

    /// <summary>The step that packs signs, or null where the storage does not allow it.</summary>
    public static StepFn? ToBits(Shape x, Encoding from, BitsEncoding to, float threshold, bool above)
    {
        if (Axes(x, to) is not var (outer, channels, inner)) return null;
        if (from is PlainEncoding) return (in StepContext c) => ChannelBits.FromPlanes(c.Workers, (float*)c.InPointer(0), outer, channels, inner, threshold, above, (ulong*)c.OutPointer(0));
        return to.Axis == 1 ? (in StepContext c) => ChannelBits.FromBlocked(c.Workers, (float*)c.InPointer(0), outer, channels, inner, threshold, above, (ulong*)c.OutPointer(0)) : null;
    }

    private static (int Outer, int Channels, int Inner)? Axes(Shape s, BitsEncoding e) => e.Axis < s.Rank ? (s.Count(0, e.Axis), s.Int(e.Axis), s.Count(e.Axis + 1, s.Rank)) : null;
}
