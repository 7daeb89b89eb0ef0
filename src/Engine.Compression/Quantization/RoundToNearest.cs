using Engine.Kernels;

namespace Engine.Compression;

/// <summary>Every weight becomes the nearest value of its group's grid.</summary>
internal static class RoundToNearest
{
    /// <summary>
    /// Codes of w [rows, columns]. <paramref name="importance"/> holds a weight a column for each of the equal parts that the rows fall in
    /// (channel groups of a convolution), or nothing.
    /// </summary>
    public static CodedMatrix Run(float[] w, int rows, int columns, ColumnGroups groups, Scheme scheme, IReadOnlyList<float[]> importance, bool search, Workers workers)
    {
        var coded = new CodedMatrix(rows, columns, groups, scheme);
        var fit = new GroupFit(scheme, Form(w, rows, columns, groups, scheme), search);
        workers.For(rows, 1, new Body(w, coded, groups.Members(), importance, fit));
        return coded;
    }

    /// <summary>How the scales of this matrix are rounded.</summary>
    private static ScaleForm Form(float[] w, int rows, int columns, ColumnGroups groups, Scheme scheme)
    {
        var reach = new float[groups.Groups];
        float least = float.PositiveInfinity, most = 0, steps = scheme.Kind == CodeKind.Integer ? 1 << (scheme.Bits - 1) : 1;
        for (int r = 0; r < rows; r++)
        {
            Array.Clear(reach);
            for (int k = 0; k < columns; k++) reach[groups.GroupOf[k]] = MathF.Max(reach[groups.GroupOf[k]], MathF.Abs(w[(long)r * columns + k]));
            foreach (float v in reach)
                if (v > 0) (least, most) = (MathF.Min(least, v / steps / 2), MathF.Max(most, v));
        }
        return ScaleForms.Of(scheme, least, most);
    }

    private readonly struct Body(float[] w, CodedMatrix coded, int[][] members, IReadOnlyList<float[]> importance, GroupFit fit) : IParallelBody
    {
        public void Run(int start, int end)
        {
            int columns = coded.Columns, longest = members.Max(m => m.Length);
            float[] values = new float[longest], weights = new float[longest];
            for (int r = start; r < end; r++)
            {
                var h = importance.Count == 0 ? null : importance[r / (coded.Rows / importance.Count)];
                for (int g = 0; g < members.Length; g++)
                {
                    var m = members[g];
                    for (int i = 0; i < m.Length; i++)
                    {
                        values[i] = w[(long)r * columns + m[i]];
                        if (h is not null) weights[i] = h[m[i]];
                    }
                    var (scale, zero) = fit.Fit(values.AsSpan(0, m.Length), h is null ? default : weights.AsSpan(0, m.Length));
                    coded.Scales[r * members.Length + g] = scale;
                    coded.Zeros[r * members.Length + g] = (byte)zero;
                    float inverse = 1 / scale;
                    for (int i = 0; i < m.Length; i++) coded.Codes[(long)r * columns + m[i]] = (byte)fit.Book.Encode(values[i] * inverse, zero);
                }
            }
        }
    }
}
