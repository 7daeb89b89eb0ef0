using Engine.Ptx.Code;
using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Mma;

/// <summary>
/// <c>ldmatrix</c>: matrices of 8 × 8 16-bit elements from shared memory. Lane 8i + r names row r of matrix i; lane l gets elements 2(l mod 4) and the next of
/// row l / 4, or of column l / 4 where the matrix is transposed.
/// </summary>
internal sealed unsafe class LoadMatrix(int[] registers, Address address, bool transposed, bool generic) : ConvergentOperation
{
    public static Operation Build(Encoder e)
    {
        if (!e.Has("m8n8") || !e.Has("b16")) throw e.Unsupported("only m8n8 of b16");
        e.Expect(2);
        int count = e.Has("x4") ? 4 : e.Has("x2") ? 2 : e.Has("x1") ? 1 : throw e.Wrong("no number of matrices");
        bool shared = Array.Exists(e.Instruction.Modifiers, m => m.StartsWith("shared", StringComparison.Ordinal));
        return new LoadMatrix(e.Words(0, count, result: true), e.Address(1), e.Has("trans"), !shared);
    }

    public override void Execute(Warp warp, uint mask)
    {
        if (mask != uint.MaxValue) throw new KernelFaultException(PtxFaultKind.Divergence, -1, $"all 32 lanes have to take part, 0x{mask:x8} do");
        byte* file = warp.Registers;
        ushort* matrices = stackalloc ushort[4 * 64];
        for (int row = 0; row < registers.Length * 8; row++)
        {
            ulong at = (address.Base.Wide ? ((ulong*)(file + address.Base.Offset))[row] : ((uint*)(file + address.Base.Offset))[row]) + (ulong)address.Offset;
            if (generic) at -= Windows.Shared;
            byte* data = SharedSpace.Find(warp, at, 16, row, write: false);
            SharedSpace.Note(warp, at, 16, row, AccessKind.Read);
            Buffer.MemoryCopy(data, matrices + row * 8, 16, 16);
        }
        for (int i = 0; i < registers.Length; i++)
        {
            uint* result = (uint*)(file + registers[i]);
            for (int lane = 0; lane < 32; lane++) result[lane] = Pair(matrices + i * 64, lane, transposed);
        }
    }

    /// <summary>A lane's two elements of a matrix.</summary>
    public static uint Pair(ushort* matrix, int lane, bool transposed)
    {
        int line = lane >> 2, first = 2 * (lane & 3);
        return transposed
            ? matrix[first * 8 + line] | (uint)matrix[(first + 1) * 8 + line] << 16
            : matrix[line * 8 + first] | (uint)matrix[line * 8 + first + 1] << 16;
    }
}

/// <summary><c>movmatrix</c>: a matrix of 8 × 8 16-bit elements, held as <c>ldmatrix</c> leaves it, transposed.</summary>
internal sealed unsafe class TransposeMatrix(int d, int a) : ConvergentOperation
{
    public static Operation Build(Encoder e)
    {
        if (!e.Has("m8n8") || !e.Has("trans") || !e.Has("b16")) throw e.Unsupported("only m8n8.trans.b16");
        e.Expect(2);
        return new TransposeMatrix(e.Result(0, PtxType.B32), e.Source(1, PtxType.B32));
    }

    public override void Execute(Warp warp, uint mask)
    {
        if (mask != uint.MaxValue) throw new KernelFaultException(PtxFaultKind.Divergence, -1, $"all 32 lanes have to take part, 0x{mask:x8} do");
        uint* source = (uint*)(warp.Registers + a), result = (uint*)(warp.Registers + d);
        ushort* matrix = stackalloc ushort[64];
        for (int lane = 0; lane < 32; lane++)
        {
            matrix[2 * lane] = (ushort)source[lane];
            matrix[2 * lane + 1] = (ushort)(source[lane] >> 16);
        }
        for (int lane = 0; lane < 32; lane++) result[lane] = LoadMatrix.Pair(matrix, lane, transposed: true);
    }
}
