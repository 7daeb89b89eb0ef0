namespace Engine.Compression;

/// <summary>
/// Scale and zero point of one group: the pair of least Σ h·(w − ŵ)² among clipping ranges from the full one down, then refined by
/// least squares over the codes found. h weighs the columns (how strongly inputs drive them); empty for equal weights.
/// </summary>
internal sealed class GroupFit(Scheme scheme, ScaleForm form, bool search)
{
    private readonly CodeBook _book = new(scheme);

    public CodeBook Book => _book;

    public (float Scale, int Zero) Fit(ReadOnlySpan<float> w, ReadOnlySpan<float> h)
    {
        float low = 0, high = 0;
        foreach (float v in w) (low, high) = (MathF.Min(low, v), MathF.Max(high, v));
        if (low == 0 && high == 0) return (form.Round(1), _book.Middle);
        int tries = search ? Tries : 1;
        (float Scale, int Zero) best = default;
        double least = double.PositiveInfinity;
        for (int i = 0; i < tries; i++)
        {
            float r = 1 - i * Step;
            Try(Grid(low * r, high * r), w, h, ref best, ref least);
        }
        if (!search || form == ScaleForm.PowerOfTwo) return best;
        for (int i = 0; i < 2; i++) Try((LeastSquares(best, w, h), best.Zero), w, h, ref best, ref least);
        return best;
    }

    // Few codes gain most from clipping; 8 bits next to nothing.
    private int Tries => scheme.Kind is CodeKind.Ternary or CodeKind.Sign ? 33 : scheme.Bits >= 6 ? 9 : 25;

    private float Step => scheme.Bits >= 6 ? 0.02f : 0.025f;

    private (float, int) Grid(float low, float high)
    {
        if (!scheme.IsAsymmetric) return (form.Round(MathF.Max(-low, high) / _book.Reach), _book.Middle);
        float scale = form.Round((high - low) / _book.Steps);
        return (scale, Math.Clamp((int)MathF.Round(-low / scale), 0, _book.Steps));
    }

    private void Try((float Scale, int Zero) grid, ReadOnlySpan<float> w, ReadOnlySpan<float> h, ref (float Scale, int Zero) best, ref double least)
    {
        if (!(grid.Scale > 0)) return;
        float inverse = 1 / grid.Scale;
        double error = 0;
        for (int i = 0; i < w.Length; i++)
        {
            double d = w[i] - (double)grid.Scale * _book.Value(_book.Encode(w[i] * inverse, grid.Zero), grid.Zero);
            error += d * d * (h.IsEmpty ? 1 : h[i]);
        }
        if (error < least) (best, least) = (grid, error);
    }

    private float LeastSquares((float Scale, int Zero) grid, ReadOnlySpan<float> w, ReadOnlySpan<float> h)
    {
        double up = 0, down = 0;
        float inverse = 1 / grid.Scale;
        for (int i = 0; i < w.Length; i++)
        {
            double q = _book.Value(_book.Encode(w[i] * inverse, grid.Zero), grid.Zero), weight = h.IsEmpty ? 1 : h[i];
            up += weight * w[i] * q;
            down += weight * q * q;
        }
        return down > 0 && up > 0 ? form.Round((float)(up / down)) : grid.Scale;
    }
}
