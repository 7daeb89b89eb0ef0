namespace Engine.Kernels;

/// <summary>One word: the reference.</summary>
internal unsafe struct BitLanes64 : IBitLanes<ulong>
{
    public static int Bytes => 8;

    public static ulong Load(byte* x) => *(ulong*)x;

    public static void Store(ulong v, byte* y) => *(ulong*)y = v;

    public static ulong Of(uint bits) => bits * 0x1_0000_0001ul;

    public static ulong And(ulong a, ulong b) => a & b;

    public static ulong NotAnd(ulong a, ulong b) => ~a & b;

    public static ulong Xor(ulong a, ulong b) => a ^ b;

    public static ulong Xor(ulong a, ulong b, ulong c) => a ^ b ^ c;

    public static ulong Carry(ulong a, ulong b, ulong c) => ((a ^ b) & (a ^ c)) ^ a;

    public static ulong Borrow(ulong a, ulong b, ulong c) => ((a ^ b) | (a ^ c)) ^ a;

    public static ulong CarryNot(ulong a, ulong b, ulong c) => ~((a ^ b) | (a ^ c)) ^ a;

    public static ulong XorAnd(ulong a, ulong b, ulong c) => a ^ (b & c);

    public static ulong Right(ulong v, int count) => v >> count;

    public static ulong Left(ulong v, int count) => v << count;
}
