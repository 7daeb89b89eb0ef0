using Engine.Tensors;

namespace Engine.Compression;

/// <summary>Codes of a scheme and the multiples of the scale that they stand for.</summary>
internal sealed class CodeBook
{
    private readonly float[]? _table;
    private readonly int _least, _most;

    public CodeBook(Scheme scheme)
    {
        _table = scheme.Table?.Span<float>().ToArray();
        Middle = scheme.Bits > 1 && _table is null ? 1 << (scheme.Bits - 1) : 0;
        // The least 8-bit code would make the range lopsided for one step in 256.
        (_least, _most) = scheme.Kind == CodeKind.Ternary ? (1, 3) : (!scheme.IsAsymmetric && scheme.Bits == 8 ? 1 : 0, (1 << Math.Min(8, scheme.Bits)) - 1);
        Reach = _table is null ? _most - Middle : _table.Max(Math.Abs);
    }

    /// <summary>The zero point of symmetric groups; 0 for tables, which have none.</summary>
    public int Middle { get; }

    /// <summary>Largest multiple of the scale on both sides of zero, for symmetric groups.</summary>
    public float Reach { get; }

    /// <summary>Number of steps between the least and the greatest code.</summary>
    public int Steps => _most - _least;

    /// <summary>The code nearest to <paramref name="x"/> scales.</summary>
    public int Encode(float x, int zero)
    {
        if (_table is null)
        {
            float q = MathF.Round(x) + zero;
            return q >= _most ? _most : q >= _least ? (int)q : _least;
        }
        int best = 0;
        float distance = float.PositiveInfinity;
        for (int c = 0; c < _table.Length; c++)
        {
            float d = MathF.Abs(x - _table[c]);
            if (d < distance) (best, distance) = (c, d);
        }
        return best;
    }

    /// <summary>What a code stands for, in scales.</summary>
    public float Value(int code, int zero) => _table is null ? code - zero : _table[code];
}

/// <summary>How the scales of a tensor are rounded, so that the file holds them exactly.</summary>
internal enum ScaleForm
{
    F32,
    F16,
    PowerOfTwo,
}

internal static class ScaleForms
{
    /// <summary>
    /// The form for a tensor whose groups reach <paramref name="least"/> to <paramref name="most"/>: f16 where all scales are normal numbers
    /// of it and they are many, else f32.
    /// </summary>
    public static ScaleForm Of(Scheme scheme, float least, float most) =>
        scheme.Kind == CodeKind.Microscaling ? ScaleForm.PowerOfTwo
        : (scheme.Group > 0 || scheme.Bits < 8) && least >= 2 * 6.1035156e-5f && most <= 32752 ? ScaleForm.F16 : ScaleForm.F32;

    public static float Round(this ScaleForm form, float scale) => form switch
    {
        ScaleForm.F16 => (float)(Half)scale,
        ScaleForm.PowerOfTwo => MathF.ScaleB(1, Math.Clamp((int)MathF.Round(MathF.Log2(scale)), -126, 127)),
        _ => scale,
    };
}
