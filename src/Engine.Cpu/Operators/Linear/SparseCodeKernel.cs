using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// The ways to multiply rows of 8-bit codes by a sparse matrix of such codes, with the same exact sums: the entries of sixteen columns gathered, whole blocks, quads of four with the rows in the lanes, or
/// all codes with their zeros.
/// </summary>
internal sealed unsafe record SparseCodeKernel(string Stem, SparseMatrix Matrix)
{
    private const string Gathered = "gemv-csr-u8s8", ByBlocks = "gemm-blocks-u8s8", InLanes = "spmm-u8s8", Dense = "gemm-u8s8";

    /// <summary>The kernels of a matrix; none where its values are not such codes.</summary>
    public static IEnumerable<SparseCodeKernel> Of(SparseMatrix s) => s.Codes is null ? [] :
        ((string[])[s.Form is SparseBlocks { Height: GemmBlocksU8S8.Height, Width: GemmBlocksU8S8.Width } ? ByBlocks : Gathered, InLanes, Dense]).Select(stem => new SparseCodeKernel(stem, s));

    /// <summary>False for the one that expands the zeros.</summary>
    public bool IsSparse => Stem != Dense;

    private int Inputs => Checked.Int(Matrix.Form.Shape.Product(1, Matrix.Form.Shape.Rank));

    private int Outputs => Matrix.Form.Shape.Int(0);

    /// <summary>Estimated nanoseconds on one core, as measured with 1 to 128 rows of 1024² and 4096².</summary>
    public double Nanoseconds(int rows) => Stem switch
    {
        Gathered => Rates.Product(Matrix.Entries * rows / GatheredRate, RecordBytes * Matrix.Entries),
        ByBlocks => Rates.Product(Matrix.Entries * rows / BlockRate, BlockBytes * Matrix.Entries),
        InLanes => Matrix.Quads * (4.0 * Checked.AlignUp(rows, QuadRate.Rows) / QuadRate.Products + QuadRate.Each * Checked.CeilDiv(rows, SpmmU8S8.BlockRows)),
        _ => Rates.Product(2.0 * rows * Inputs * Outputs / Rates.CodeOperations(GemmU8S8.Table), (double)Inputs * Outputs),
    } + 4.0 * rows * Outputs / Rates.BytesPerNanosecond;

    // Bytes an entry: records have places that stay empty.
    private const double RecordBytes = 2.4, BlockBytes = 1.1;

    // Products with entries a nanosecond.
    private static double GatheredRate => GemvCsrU8S8.Table.Tier switch { "avx512" => 44, "avx2" => 7.6, "advsimd" => 7, _ => 1.3 };

    private static double BlockRate => GemmBlocksU8S8.Table.Tier switch { "avxvnni" => 163, "avx2" => 68, "advsimd" => 30, _ => 2 };

    // Products with quads a nanosecond, nanoseconds that a quad costs for a block of rows, and rows that are computed together.
    private static (double Products, double Each, int Rows) QuadRate => SpmmU8S8.Table.Tier switch { "avx512vnni" => (480, 0.65, 16), "avxvnni" => (158, 0.3, 16), "avx512" => (142, 0.3, 32), "avx2" => (73, 0.37, 16), "advsimd" => (30, 0.4, 8), _ => (2.3, 0, 1) };

    /// <summary>Bytes of workspace, at an address that is a multiple of 64.</summary>
    public long WorkBytes(int rows) => Stem == InLanes ? SpmmU8S8.WorkBytes(rows, Inputs) : 0;

    /// <summary>Packs the matrix, which is <paramref name="weight"/> in operand <paramref name="input"/>.</summary>
    public Tensor Pack(BindContext b, int input, Weight weight)
    {
        var (k, n) = (Inputs, Outputs);
        return b.Pack(input, weight, $"{Stem} {n}x{k} sparse codes", _ =>
        {
            var dense = Matrix.DenseCodes();
            var codes = dense.Span<sbyte>();
            Tensor y;
            switch (Stem)
            {
                case Gathered:
                    int records = GemvCsrU8S8.Records(codes, k, n);
                    y = Tensor.Allocate(DType.U8, new Shape(GemvCsrU8S8.PackedLength(n, records)));
                    GemvCsrU8S8.PackB(codes, k, n, records, y.Pointer);
                    break;
                case ByBlocks:
                    int blocks = GemmBlocksU8S8.Blocks(codes, k, n);
                    y = Tensor.Allocate(DType.U8, new Shape(GemmBlocksU8S8.PackedLength(n, blocks)));
                    GemmBlocksU8S8.PackB(codes, k, n, blocks, y.Pointer);
                    break;
                case InLanes:
                    int quads = SpmmU8S8.Quads(codes, k, n);
                    y = Tensor.Allocate(DType.U8, new Shape(SpmmU8S8.PackedLength(k, n, quads)));
                    SpmmU8S8.PackB(codes, k, n, quads, y.Pointer);
                    break;
                default:
                    y = Tensor.Allocate(DType.U8, new Shape(GemmU8S8.PackedLength(k, n)));
                    GemmU8S8.PackB(dense.Bytes, true, [], k, n, 1, k, y.Bytes);
                    break;
            }
            GC.KeepAlive(dense);
            return y;
        });
    }

    /// <summary>The product of <paramref name="rows"/> rows, less their one zero point, into <paramref name="store"/>.</summary>
    public void Run<TStore>(Workers workers, int rows, in GemmU8S8.Rows a, byte* packed, byte* work, in TStore store) where TStore : struct, ITileStore
    {
        switch (Stem)
        {
            case Gathered:
                GemvCsrU8S8.Run(workers, rows, Outputs, Inputs, a, packed, store);
                break;
            case ByBlocks:
                GemmBlocksU8S8.Run(workers, rows, Outputs, Inputs, a, packed, store);
                break;
            case InLanes:
                SpmmU8S8.Run(workers, rows, Outputs, Inputs, a, packed, work, store);
                break;
            default:
                GemmU8S8.Run(workers, rows, Outputs, Inputs, a, packed, store);
                break;
        }
    }
}
