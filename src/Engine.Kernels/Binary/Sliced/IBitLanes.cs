namespace Engine.Kernels;

/// <summary>Logic on vectors of bits of one width, so that a bit-sliced loop is written once for every width. A bit of a result depends on the bits in its place alone.</summary>
/// <typeparam name="TVector">The vector: not wrapped in a struct, because a long loop of inlined calls then has half the locals.</typeparam>
internal unsafe interface IBitLanes<TVector> where TVector : unmanaged
{
    /// <summary>Bytes of a vector.</summary>
    static abstract int Bytes { get; }

    /// <summary>From memory.</summary>
    static abstract TVector Load(byte* x);

    /// <summary>To memory.</summary>
    static abstract void Store(TVector v, byte* y);

    /// <summary>The 32 bits in every place.</summary>
    static abstract TVector Of(uint bits);

    /// <summary>a and b.</summary>
    static abstract TVector And(TVector a, TVector b);

    /// <summary>Not a, and b.</summary>
    static abstract TVector NotAnd(TVector a, TVector b);

    /// <summary>a xor b.</summary>
    static abstract TVector Xor(TVector a, TVector b);

    /// <summary>a xor b xor c: the low bit of a + b + c, and of a − b − c.</summary>
    static abstract TVector Xor(TVector a, TVector b, TVector c);

    /// <summary>At least two of three: the high bit of a + b + c.</summary>
    static abstract TVector Carry(TVector a, TVector b, TVector c);

    /// <summary>At least two of a, not b and not c.</summary>
    static abstract TVector CarryNot(TVector a, TVector b, TVector c);

    /// <summary>a &lt; b + c: what a − b − c borrows.</summary>
    static abstract TVector Borrow(TVector a, TVector b, TVector c);

    /// <summary>a xor (b and c).</summary>
    static abstract TVector XorAnd(TVector a, TVector b, TVector c);

    /// <summary>64-bit words shifted to lower bits.</summary>
    static abstract TVector Right(TVector v, int count);

    /// <summary>64-bit words shifted to higher bits; none is left of 64 and more.</summary>
    static abstract TVector Left(TVector v, int count);
}
