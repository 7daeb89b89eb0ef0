namespace Engine.Kernels;

/// <summary>
/// Products of four bytes a lane added to sums of 32 bits: four of u8 and s8, exactly, or two of bf16 in f32. Instruction sets do it in one step
/// or in several. Quads of A are made ready once a row, those of B once a vector of columns.
/// </summary>
/// <typeparam name="TSum">Sums, a lane a column.</typeparam>
/// <typeparam name="TA">Four bytes of A, in every lane.</typeparam>
/// <typeparam name="TB">Four bytes of B a lane.</typeparam>
internal unsafe interface IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
{
    /// <summary>Columns of a vector.</summary>
    static abstract int Lanes { get; }

    /// <summary>Whether the sums of six rows and two vectors of columns fit the registers beside the operands.</summary>
    static abstract bool SixRows { get; }

    static abstract TSum Load(int* p);

    static abstract void Store(TSum x, int* p);

    static abstract TA Row(byte* p);

    static abstract TB Columns(sbyte* p);

    static abstract TSum Add(TSum sum, TA a, TB b);

    static abstract TSum Plus(TSum x, TSum y);
}

/// <summary>The same where a lane is a row of A: a quad of A a lane, one of B in all.</summary>
internal unsafe interface IQuadDot<TSum, TA, TB> : IDot<TSum, TA, TB> where TSum : unmanaged where TA : unmanaged where TB : unmanaged
{
    static abstract TA Quads(byte* p);

    static abstract TB Quad(sbyte* p);
}

/// <summary>Even and odd parts of a lane, widened.</summary>
internal readonly record struct Pair<T>(T Even, T Odd) where T : unmanaged;
