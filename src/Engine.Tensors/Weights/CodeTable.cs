namespace Engine.Tensors;

/// <summary>Tables of what non-uniform codes stand for, f32, for <see cref="Quantized.Table"/>.</summary>
public static class CodeTable
{
    /// <summary>
    /// NF4: sixteen values in [−1, 1], rising, of which code 7 is zero: quantiles of the normal distribution, so that each code is used about as
    /// often as any other where weights are normal and scaled by their largest magnitude.
    /// <para>Source: Dettmers et al., QLoRA, 2023; the constants are those of its implementation.</para>
    /// </summary>
    public static Tensor Nf4 { get; } = Tensor.Vector(
        -1f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1f);

    /// <summary>E2M1, the elements of MXFP4 and NVFP4: ±{0, 0.5, 1, 1.5, 2, 3, 4, 6}, bit 3 is the sign.</summary>
    public static Tensor E2M1 { get; } = Of(SmallFloat.E2M1, 16);

    /// <summary>FP8 E4M3 of OCP (FN): ±448, no infinity, codes 7F and FF are NaN.</summary>
    public static Tensor E4M3 { get; } = Of(SmallFloat.E4M3FN, 256);

    /// <summary>FP8 E5M2 of OCP: ±57344, with infinities and NaN as in IEEE 754.</summary>
    public static Tensor E5M2 { get; } = Of(SmallFloat.E5M2, 256);

    /// <summary>The name of a table with the bits of one of these, else null.</summary>
    public static string? Name(Tensor table)
    {
        foreach (var (name, known) in (ReadOnlySpan<(string, Tensor)>)[("nf4", Nf4), ("e2m1", E2M1), ("e4m3", E4M3), ("e5m2", E5M2)])
            if (table.DType == DType.F32 && table.Bytes.SequenceEqual(known.Bytes)) return name;
        return null;
    }

    private static Tensor Of(SmallFloat codec, int codes)
    {
        var values = new float[codes];
        for (int c = 0; c < codes; c++) values[c] = codec.Decode((byte)c);
        return Tensor.Vector<float>(values);
    }
}
