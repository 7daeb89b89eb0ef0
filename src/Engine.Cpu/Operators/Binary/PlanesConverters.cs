using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Between bit planes and words of bits, and between planes and f32.</summary>
internal static unsafe class PlanesConverters
{
    public static StepFn? Find(TensorType type, Encoding from, Encoding to)
    {
        if (type.DType != DType.F32 || (from as PlanesEncoding ?? to as PlanesEncoding) is not { } planes || planes.Axis >= type.Shape.Rank) return null;
        var (images, channels, inner) = Axes(type.Shape, planes);
        int pixels = Checked.Int(Checked.Mul(images, inner));
        return (from, to) switch
        {
            (PlainEncoding, PlanesEncoding) => ToPlanes(type.Shape, planes, 0, false),
            (PlanesEncoding, PlainEncoding) => (in StepContext c) => PlaneConvert.ToF32(c.Workers, c.InPointer(0), images, channels, inner, (float*)c.OutPointer(0)),
            (BitsEncoding b, PlanesEncoding) when b.Axis == planes.Axis => (in StepContext c) => PlaneConvert.FromWords(c.Workers, (ulong*)c.InPointer(0), pixels, channels, c.OutPointer(0)),
            (PlanesEncoding, BitsEncoding b) when b.Axis == planes.Axis => (in StepContext c) => PlaneConvert.ToWords(c.Workers, c.InPointer(0), pixels, channels, (ulong*)c.OutPointer(0)),
            _ => null,
        };
    }

    /// <summary>The step that takes signs of plain f32.</summary>
    public static StepFn ToPlanes(Shape x, PlanesEncoding to, float threshold, bool above)
    {
        var (images, channels, inner) = Axes(x, to);
        return (in StepContext c) => PlaneConvert.FromF32(c.Workers, (float*)c.InPointer(0), images, channels, inner, threshold, above, c.OutPointer(0));
    }

    private static (int Images, int Channels, int Inner) Axes(Shape s, PlanesEncoding e) => (s.Count(0, e.Axis), s.Int(e.Axis), s.Count(e.Axis + 1, s.Rank));
}
