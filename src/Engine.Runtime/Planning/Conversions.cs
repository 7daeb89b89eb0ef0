using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>How a wire gets from one encoding to another.</summary>
/// <param name="Steps">The encodings after each step, the last one asked for.</param>
/// <param name="Nanoseconds">Estimate of all steps.</param>
internal sealed record Conversion(IReadOnlyList<Encoding> Steps, double Nanoseconds);

/// <summary>Finds conversions: by one converter where there is one, else by two over the encoding between them that costs least.</summary>
internal sealed class Conversions(KernelRegistry kernels)
{
    private const double NanosecondsPerByte = 0.2, Overhead = 1000;

    /// <summary>The conversion, or null where there is none.</summary>
    public Conversion? Find(TensorType type, Encoding from, Encoding to)
    {
        if (Direct(type, from, to) is { } direct) return new([to], direct);
        Conversion? best = null;
        foreach (var between in Between(from, to))
            if (Direct(type, from, between) is { } first && Direct(type, between, to) is { } second && first + second < (best?.Nanoseconds ?? double.PositiveInfinity))
                best = new([between, to], first + second);
        return best;
    }

    private static IEnumerable<Encoding> Between(Encoding from, Encoding to)
    {
        if (from != Encoding.Plain && to != Encoding.Plain) yield return Encoding.Plain;
        if ((from as PlanesEncoding ?? to as PlanesEncoding) is { } planes && new BitsEncoding(planes.Axis) is var bits && from != bits && to != bits) yield return bits;
    }

    private double? Direct(TensorType type, Encoding from, Encoding to) =>
        kernels.Converter(type, from, to, out double? nanoseconds) is null ? null : nanoseconds ?? Overhead + NanosecondsPerByte * (from.StorageBytes(type) + to.StorageBytes(type));
}
