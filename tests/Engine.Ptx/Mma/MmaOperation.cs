using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Ptx.Code;
using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Mma;

/// <summary>
/// <c>mma.sync</c> and <c>mma.sp</c>. Products of f16, bf16 and tf32 are exact and are added in single precision in the order of k; devices add several at a
/// time with fewer or more bits, so that results agree to a tolerance. Integers are exact and wrap.
/// </summary>
internal sealed unsafe class MmaOperation(MmaShape shape, bool xor, int[] d, int[] a, int[] b, int[] c, int metadata, int selector) : ConvergentOperation
{
    public static Operation Build(Encoder e)
    {
        if (!e.Has("sync") || !e.Has("aligned")) throw e.Unsupported("only 'sync.aligned'");
        if (e.Has("satfinite")) throw e.Unsupported("no saturation here");
        var shape = MmaShape.Parse(e);
        e.Expect(shape.Sparse ? 6 : 4);
        bool xor = e.Has("xor");
        if (shape.A == PtxType.B1 && (!e.Has("popc") || !(xor || e.Has("and")))) throw e.Wrong("single bits need 'and.popc' or 'xor.popc'");
        int selector = shape.Sparse ? e.Constant(5) : 0;
        if (selector < 0 || (shape.Sparse && selector > SparseMetadata.MaxSelector(shape))) throw e.Wrong($"no selector {selector} of this form");
        return new MmaOperation(
            shape,
            xor,
            e.Words(0, MmaShape.AccumulatorRegisters(shape.M, shape.D), result: true),
            e.Words(1, shape.ARegisters),
            e.Words(2, shape.BRegisters),
            e.Words(3, MmaShape.AccumulatorRegisters(shape.M, shape.C)),
            shape.Sparse ? e.Source(4, PtxType.B32) : 0,
            selector);
    }

    public override void Execute(Warp warp, uint mask)
    {
        if (mask != uint.MaxValue) throw new KernelFaultException(PtxFaultKind.Divergence, -1, $"all 32 lanes have to take part, 0x{mask:x8} do");
        if (shape.A == PtxType.B1) Bits(warp);
        else if (shape.IsFloat) Floats(warp);
        else Integers(warp);
    }

    private uint* Register(Warp warp, int place) => (uint*)(warp.Registers + place);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Floats(Warp warp)
    {
        int k = shape.K;
        float* left = stackalloc float[shape.M * k];
        float* right = stackalloc float[k * 8];
        float* sums = stackalloc float[shape.M * 8];
        if (shape.Sparse) new Span<float>(left, shape.M * k).Clear();
        int per = shape.PerRegister;
        for (int r = 0; r < a.Length; r++)
        {
            uint* source = Register(warp, a[r]);
            int rows = shape.M / 8;
            for (int lane = 0; lane < 32; lane++)
            {
                int row = (lane >> 2) + 8 * (r % rows), column = (lane & 3) * per + 4 * per * (r / rows);
                for (int i = 0; i < per; i++) left[row * k + ColumnOf(warp, row, column + i)] = Decode(source[lane], i);
            }
        }
        for (int r = 0; r < b.Length; r++)
        {
            uint* source = Register(warp, b[r]);
            for (int lane = 0; lane < 32; lane++)
                for (int i = 0; i < per; i++) right[((lane & 3) * per + 4 * per * r + i) * 8 + (lane >> 2)] = Decode(source[lane], i);
        }
        Gather(warp, sums);
        for (int row = 0; row < shape.M; row++)
        {
            Vector256<float> sum = Vector256.Load(sums + row * 8);
            for (int i = 0; i < k; i++) sum = Vector256.FusedMultiplyAdd(Vector256.Create(left[row * k + i]), Vector256.Load(right + i * 8), sum);
            sum.Store(sums + row * 8);
        }
        Scatter(warp, sums);
    }

    private int ColumnOf(Warp warp, int row, int held) =>
        shape.Sparse ? SparseMetadata.Column(shape, Register(warp, metadata), selector, row, held) : held;

    private float Decode(uint register, int index) => shape.A switch
    {
        PtxType.F16 => Rounding.FromF16(register >> (16 * index)),
        PtxType.BF16 => Rounding.FromBF16(register >> (16 * index) & 0xffff),
        // The hardware ignores the low 13 bits.
        _ => BitConverter.UInt32BitsToSingle(register & 0xffff_e000),
    };

    private void Gather(Warp warp, float* sums)
    {
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < shape.M / 4; i++)
            {
                ref float sum = ref sums[((lane >> 2) + 8 * (i >> 1)) * 8 + 2 * (lane & 3) + (i & 1)];
                sum = shape.C == PtxType.F16
                    ? Rounding.FromF16(Register(warp, c[i >> 1])[lane] >> (16 * (i & 1)))
                    : BitConverter.UInt32BitsToSingle(Register(warp, c[i])[lane]);
            }
        }
    }

    private void Scatter(Warp warp, float* sums)
    {
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < shape.M / 4; i++)
            {
                float sum = sums[((lane >> 2) + 8 * (i >> 1)) * 8 + 2 * (lane & 3) + (i & 1)];
                if (shape.D != PtxType.F16) Register(warp, d[i])[lane] = BitConverter.SingleToUInt32Bits(sum);
                else if ((i & 1) == 0) Register(warp, d[i >> 1])[lane] = Rounding.ToF16(sum);
                else Register(warp, d[i >> 1])[lane] |= (uint)Rounding.ToF16(sum) << 16;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Integers(Warp warp)
    {
        int k = shape.K, per = shape.PerRegister, rows = shape.M / 8;
        int* left = stackalloc int[shape.M * k];
        int* right = stackalloc int[k * 8];
        int* sums = stackalloc int[shape.M * 8];
        if (shape.Sparse) new Span<int>(left, shape.M * k).Clear();
        for (int r = 0; r < a.Length; r++)
        {
            uint* source = Register(warp, a[r]);
            for (int lane = 0; lane < 32; lane++)
            {
                int row = (lane >> 2) + 8 * (r % rows), column = (lane & 3) * per + 4 * per * (r / rows);
                for (int i = 0; i < per; i++) left[row * k + ColumnOf(warp, row, column + i)] = Integer(shape.A, source[lane], i);
            }
        }
        for (int r = 0; r < b.Length; r++)
        {
            uint* source = Register(warp, b[r]);
            for (int lane = 0; lane < 32; lane++)
                for (int i = 0; i < per; i++) right[((lane & 3) * per + 4 * per * r + i) * 8 + (lane >> 2)] = Integer(shape.B, source[lane], i);
        }
        Gather(warp, sums);
        for (int row = 0; row < shape.M; row++)
        {
            Vector256<int> sum = Vector256.Load(sums + row * 8);
            for (int i = 0; i < k; i++) sum += Vector256.Create(left[row * k + i]) * Vector256.Load(right + i * 8);
            sum.Store(sums + row * 8);
        }
        Scatter(warp, sums);
    }

    private static int Integer(PtxType type, uint register, int index) => type switch
    {
        PtxType.S8 => (sbyte)(register >> (8 * index)),
        PtxType.U8 => (byte)(register >> (8 * index)),
        PtxType.S4 => (int)(register >> (4 * index) << 28) >> 28,
        _ => (int)(register >> (4 * index) & 15),
    };

    private void Bits(Warp warp)
    {
        int rows = shape.M / 8, words = shape.K / 32;
        uint* left = stackalloc uint[shape.M * words];
        uint* right = stackalloc uint[8 * words];
        int* sums = stackalloc int[shape.M * 8];
        for (int r = 0; r < a.Length; r++)
            for (int lane = 0; lane < 32; lane++) left[((lane >> 2) + 8 * (r % rows)) * words + (lane & 3) + 4 * (r / rows)] = Register(warp, a[r])[lane];
        for (int r = 0; r < b.Length; r++)
            for (int lane = 0; lane < 32; lane++) right[(lane >> 2) * words + (lane & 3) + 4 * r] = Register(warp, b[r])[lane];
        Gather(warp, sums);
        for (int row = 0; row < shape.M; row++)
        {
            for (int column = 0; column < 8; column++)
            {
                int sum = 0;
                for (int w = 0; w < words; w++)
                {
                    uint x = left[row * words + w], y = right[column * words + w];
                    sum += System.Numerics.BitOperations.PopCount(xor ? x ^ y : x & y);
                }
                sums[row * 8 + column] += sum;
            }
        }
        Scatter(warp, sums);
    }

    private void Gather(Warp warp, int* sums)
    {
        for (int i = 0; i < c.Length; i++)
            for (int lane = 0; lane < 32; lane++) sums[((lane >> 2) + 8 * (i >> 1)) * 8 + 2 * (lane & 3) + (i & 1)] = (int)Register(warp, c[i])[lane];
    }

    private void Scatter(Warp warp, int* sums)
    {
        for (int i = 0; i < d.Length; i++)
            for (int lane = 0; lane < 32; lane++) Register(warp, d[i])[lane] = (uint)sums[((lane >> 2) + 8 * (i >> 1)) * 8 + 2 * (lane & 3) + (i & 1)];
    }
}
