namespace Engine.Kernels;

/// <summary>
/// How a tier of <see cref="GemmBinary"/> wants signs. Weights: for every word of 64 signs its fields of <paramref name="StepBits"/> bits, lowest first, each as an
/// element a column: [words, steps, 64 columns], elements of u64 where a field is the whole word and bytes otherwise.
/// </summary>
/// <param name="StepBits">Bits of a field: 64, or up to 8.</param>
/// <param name="UnitBytes">Bytes that a word of activations takes: 8 as it is, more where fields are spread before.</param>
/// <param name="Interleaved">Columns of which the first half lies in even elements and the second in odd ones; 1 where columns lie in order.</param>
public readonly unsafe record struct BinaryLayout(int StepBits, int UnitBytes, int Interleaved = 1)
{
    /// <summary>Words as they are.</summary>
    public static BinaryLayout Words => new(64, sizeof(ulong));

    /// <summary>Fields of a word.</summary>
    public int Steps => (64 + StepBits - 1) / StepBits;

    /// <summary>Bytes of a word of all columns of a panel.</summary>
    public int WordBytes => (StepBits == 64 ? sizeof(ulong) : Steps) * GemmBinary.PanelColumns;

    /// <summary>Puts a column's word into a panel.</summary>
    public void Put(ulong bits, int word, int column, byte* panel)
    {
        byte* to = panel + (nint)word * WordBytes;
        if (StepBits == 64)
        {
            ((ulong*)to)[column] = bits;
            return;
        }
        int rest = column % Interleaved, half = Interleaved / 2, at = column - rest + (Interleaved == 1 ? 0 : rest < half ? 2 * rest : 2 * (rest - half) + 1);
        for (int s = 0; s < Steps; s++) to[s * GemmBinary.PanelColumns + at] = (byte)(bits >> (s * StepBits) & (1ul << StepBits) - 1);
    }
}
