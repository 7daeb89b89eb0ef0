using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Products of wires with a grid by sparse 8-bit weights whose zeros lie anywhere, or in blocks: the same sums as with dense codes, without the zeros.</summary>
internal static unsafe class SparseCodesCpu
{
    public static IEnumerable<Candidate> Products(SparseMatrix m, MatMulGeometry g, WireQuantization grid, NodeTypes n) => g.BRow != 1 || g.BColumn != g.K ? [] :
        SparseCodeKernel.Of(m).Where(k => k.IsSparse).Select(k => new Candidate(k.Stem, b => Bind(k, g, grid, b))
        {
            Accepts = [QuantizedEncoding.Of(grid)],
            Produces = n.OutGrid(0) is { } y ? QuantizedEncoding.Of(y) : Encoding.Plain,
            FusesEpilogue = true,
            Structure = k.Stem,
            Nanoseconds = k.Nanoseconds(g.M) + n.In(0).Elements / Rates.BytesPerNanosecond,
        });

    private static StepFn Bind(SparseCodeKernel kernel, MatMulGeometry g, WireQuantization grid, BindContext b)
    {
        var (packed, scales) = (kernel.Pack(b, 1, b.Weight(1)!), new GridScales(grid, kernel.Matrix.Scales(), b, g.N));
        long bytes = kernel.WorkBytes(g.M);
        int work = bytes == 0 ? -1 : b.Work(bytes);
        return scales.Output is null
            ? (in StepContext c) => kernel.Run(c.Workers, g.M, Rows(c, g, grid), packed.Pointer, work < 0 ? null : c.WorkPointer(work), scales.Float(c, g.N, byRow: false))
            : (in StepContext c) => kernel.Run(c.Workers, g.M, Rows(c, g, grid), packed.Pointer, work < 0 ? null : c.WorkPointer(work), scales.Codes(c, g.N, byRow: false));
    }

    private static GemmU8S8.Rows Rows(in StepContext c, MatMulGeometry g, WireQuantization grid) => new(c.InPointer(0), grid.Code == DType.I8, grid.Zero, (nint)g.ARow, (nint)g.AColumn);
}
