namespace Engine.Tensors;

/// <summary>
/// Signs: bit 1 is −1, bit 0 is +1, so that a product with a sign vector is K − 2 · popcount(a xor w).
/// <para>Layout: row r is ⌈columns / 64⌉ words u64, column k at bit k mod 64 of word k / 64; bits past the last column are zero.</para>
/// <para>Range: {−1, +1}; a magnitude is a <see cref="Scaled"/> around it. Reason: 64 products an instruction pair.</para>
/// </summary>
public sealed class Binary : EncodedWeight
{
    /// <summary>Creates the weight; padding bits must be zero.</summary>
    public Binary(Shape shape, Tensor words, DType dtype = DType.F32) : base(shape, dtype)
    {
        long n = Checked.Mul(Rows, WordsPerRow);
        Require(words.DType == DType.U64 && words.Shape.Elements == n, $"{Rows} rows of {Columns} signs take u64[{n}], not {words}");
        Words = words;
        if (Columns % 64 == 0) return;
        var w = words.Span<ulong>();
        for (int r = 0; r < Rows; r++) Require(w[(r + 1) * WordsPerRow - 1] >> (Columns % 64) == 0, $"padding bits of row {r} are not zero");
    }

    /// <summary>The sign words.</summary>
    public Tensor Words { get; }

    /// <summary>Words a row.</summary>
    public int WordsPerRow => (int)Checked.CeilDiv(Columns, 64);

    /// <inheritdoc/>
    public override long StoredBytes => Words.ByteLength;

    /// <inheritdoc/>
    public override string Describe() => "Binary";

    private protected override void DecodeTo(Span<float> y)
    {
        var w = Words.Span<ulong>();
        for (int r = 0, i = 0; r < Rows; r++)
            for (int k = 0; k < Columns; k++, i++)
                y[i] = (w[r * WordsPerRow + k / 64] >> (k % 64) & 1) != 0 ? -1 : 1;
    }
}
