using Engine.Ptx.Code;
using Engine.Ptx.Text;

namespace Engine.Ptx.Mma;

/// <summary>
/// A form of <c>mma.sync</c>: D[M, 8] = A[M, K]·B[K, 8] + C. With E elements to a register, group g = lane / 4 and t = lane % 4:
/// register r of A holds row g + 8·(r mod M/8), columns t·E + 4E·(r div M/8) onward; register r of B rows t·E + 4E·r onward of column g;
/// accumulators i hold row g + 8·(i div 2), column 2t + i mod 2. Of a sparse A only half the columns are held.
/// </summary>
internal sealed record MmaShape(int M, int K, PtxType A, PtxType B, PtxType C, PtxType D, bool Sparse)
{
    /// <summary>Bits of an element of A and B; TF32 and F32 take a register each.</summary>
    public int Bits { get; } = A.Bits();

    public int PerRegister => 32 / Bits;

    /// <summary>Columns that A's registers hold.</summary>
    public int HeldK => Sparse ? K / 2 : K;

    public int ARegisters => M * HeldK / PerRegister / 32;

    public int BRegisters => K * 8 / PerRegister / 32;

    public bool IsFloat => A.IsFloat();

    public static int AccumulatorRegisters(int m, PtxType type) => type == PtxType.F16 ? m / 8 : m / 4;

    /// <summary>From the instruction's words.</summary>
    public static MmaShape Parse(Encoder e)
    {
        string word = Array.Find(e.Instruction.Modifiers, m => m.Length > 4 && m[0] == 'm' && char.IsAsciiDigit(m[1])) ?? throw e.Wrong("no shape");
        int n = word.IndexOf('n', StringComparison.Ordinal), k = word.IndexOf('k', StringComparison.Ordinal);
        if (n < 0 || k < n || !int.TryParse(word.AsSpan(1, n - 1), out int rows) || !int.TryParse(word.AsSpan(k + 1), out int depth)) throw e.Wrong($"'{word}' is no shape");
        PtxType[] types = e.Types;
        if (types.Length != 4) throw e.Wrong("expected four types");
        if (!e.Has("row") || !e.Has("col")) throw e.Unsupported("A by rows and B by columns only");
        var shape = new MmaShape(rows, depth, types[1], types[2], types[3], types[0], Array.Exists(e.Instruction.Modifiers, m => m == "sp" || m.StartsWith("sp::", StringComparison.Ordinal)));
        if (word[n..k] != "n8" || !shape.IsKnown()) throw e.Unsupported("no such form here");
        return shape;
    }

    private bool IsKnown()
    {
        bool accumulates = A switch
        {
            PtxType.F16 => B == A && C is PtxType.F16 or PtxType.F32 && D is PtxType.F16 or PtxType.F32,
            PtxType.BF16 or PtxType.TF32 => B == A && C == PtxType.F32 && D == PtxType.F32,
            PtxType.S8 or PtxType.U8 => B is PtxType.S8 or PtxType.U8 && C == PtxType.S32 && D == PtxType.S32,
            PtxType.S4 or PtxType.U4 => B is PtxType.S4 or PtxType.U4 && C == PtxType.S32 && D == PtxType.S32,
            PtxType.B1 => B == A && C == PtxType.S32 && D == PtxType.S32,
            _ => false,
        };
        return accumulates && (A, M, K, Sparse) switch
        {
            (PtxType.F16 or PtxType.BF16, 16, 8 or 16, false) => true,
            (PtxType.F16 or PtxType.BF16, 16, 16 or 32, true) => true,
            (PtxType.TF32, 16, 4 or 8, false) => true,
            (PtxType.S8 or PtxType.U8, 8, 16, false) => true,
            (PtxType.S8 or PtxType.U8, 16, 16 or 32, false) => true,
            (PtxType.S8 or PtxType.U8, 16, 64, true) => true,
            (PtxType.S4 or PtxType.U4, 8, 32, false) => true,
            (PtxType.S4 or PtxType.U4, 16, 32 or 64, false) => true,
            (PtxType.B1, 8, 128, false) => true,
            (PtxType.B1, 16, 128 or 256, false) => true,
            _ => false,
        };
    }
}
