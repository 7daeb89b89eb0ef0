using Engine.Kernels;

namespace Engine.Compression;

/// <summary>How far a compressed layer's output is from the float one, over calibration inputs.</summary>
/// <param name="RelativeRmse">√(Σ (y − ŷ)² / Σ y²).</param>
/// <param name="Cosine">Σ y·ŷ / √(Σ y² Σ ŷ²).</param>
public readonly record struct OutputError(double RelativeRmse, double Cosine)
{
    /// <summary>No difference.</summary>
    public static OutputError None => new(0, 1);

    /// <summary>Noise to signal, in power: what adds up over layers.</summary>
    public double Noise => RelativeRmse * RelativeRmse;

    /// <summary>The error of ŷ against y.</summary>
    internal static OutputError Of(IEnumerable<(float[] Exact, float[] Compressed)> outputs)
    {
        double noise = 0, yy = 0, zz = 0, yz = 0;
        foreach (var (y, z) in outputs)
            for (int i = 0; i < y.Length; i++)
            {
                double d = (double)y[i] - z[i];
                noise += d * d;
                yy += (double)y[i] * y[i];
                zz += (double)z[i] * z[i];
                yz += (double)y[i] * z[i];
            }
        if (noise == 0) return None;
        if (yy == 0 || zz == 0) return new(yy == 0 ? 1 : Math.Sqrt(noise / yy), 0);
        return new(Math.Sqrt(noise / yy), Math.Min(1, yz / Math.Sqrt(yy * zz)));
    }

    /// <summary>Outputs of w and of ŵ [rows, columns] on the inputs of each part, [inputs, rows of the part]; <paramref name="round"/> makes the inputs that the compressed layer reads.</summary>
    internal static List<(float[] Exact, float[] Compressed)> Outputs(float[] w, float[] coded, int rows, int columns, int parts, Func<int, float[]> inputs, Func<float[], float[]>? round, Workers workers)
    {
        int part = rows / parts, size = part * columns;
        var list = new List<(float[], float[])>();
        for (int p = 0; p < parts; p++)
        {
            var x = inputs(p);
            int count = x.Length / columns;
            list.Add((Products.TimesTransposed(x, count, w[(p * size)..((p + 1) * size)], part, columns, workers),
                Products.TimesTransposed(round is null ? x : round(x), count, coded[(p * size)..((p + 1) * size)], part, columns, workers)));
        }
        return list;
    }
}
