using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Seeded inputs where the user gives none: floats uniform in [−1, 1), integers 0 or 1, so that they serve as indices and masks too.</summary>
internal static class RandomInputs
{
    public const int Seed = 42;

    /// <summary>Values for the declared input; free dimensions come from <paramref name="shapes"/>, and only a free first one (the batch) defaults to 1.</summary>
    public static Tensor Make(ValueInfo input, IReadOnlyDictionary<string, Shape> shapes, int seed = Seed)
    {
        if (input.Type is not DeclaredType.Tensor d) throw new InputException($"input '{input.Name}' is no tensor ({input.Type}): give a file for it", input.Name);
        if (d.DType == DType.String) throw new InputException($"input '{input.Name}' takes strings: give a file for it", input.Name);
        return Make(d.DType, ShapeOf(input, d, shapes), HashCode(input.Name, seed));
    }

    public static Shape ShapeOf(ValueInfo input, DeclaredType.Tensor declared, IReadOnlyDictionary<string, Shape> shapes)
    {
        if (shapes.TryGetValue(input.Name, out var s)) return s;
        if (declared.Dims is null) throw new InputException($"input '{input.Name}' has no declared shape: give --shape {input.Name}:…", input.Name);
        var dims = new long[declared.Dims.Length];
        for (int i = 0; i < dims.Length; i++)
        {
            if (declared.Dims[i].IsKnown) dims[i] = declared.Dims[i].Value;
            else if (i == 0) dims[i] = 1;
            else throw new InputException($"input '{input.Name}' is {declared}: give its free dimensions, as in --shape {input.Name}:{string.Join('x', declared.Dims.Select(x => x.IsKnown ? x.Value : 1))}", input.Name);
        }
        return new Shape(dims);
    }

    private static Tensor Make(DType dtype, Shape shape, int seed)
    {
        // Not System.Random: its sequence is an implementation detail, and these inputs belong to recorded results.
        ulong state = (ulong)seed;
        var values = new double[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            state += 0x9E3779B97F4A7C15;
            ulong z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9;
            z = (z ^ z >> 27) * 0x94D049BB133111EB;
            double u = ((z ^ z >> 31) >> 11) * (1.0 / (1UL << 53));
            values[i] = dtype.IsFloat() ? 2 * u - 1 : u < 0.5 ? 0 : 1;
        }
        return Numbers.FromDoubles(dtype, shape, values);
    }

    // string.GetHashCode differs from process to process.
    private static int HashCode(string name, int seed)
    {
        uint h = 2166136261u ^ (uint)seed;
        foreach (char c in name) h = (h ^ c) * 16777619;
        return (int)h;
    }
}
