using BenchmarkDotNet.Attributes;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Benchmarks;

/// <summary>Softmax of rows, as many as twelve heads of attention over 128 positions have.</summary>
public unsafe class SoftmaxBenchmarks
{
    private const int Rows = 1536;

    private Tensor _x = null!, _y = null!;
    private Workers _workers = null!;

    [Params(128, 1000)]
    public int Length { get; set; }

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        _workers = new Workers(Threads);
        (_x, _y) = (Operands.Random(Rows, Length), Operands.Zeros(Rows, Length));
        var expected = Operands.Zeros(Rows, Length);
        for (int r = 0; r < Rows; r++) SoftmaxF32.Table.Reference((float*)_x.Pointer + r * Length, (float*)expected.Pointer + r * Length, Length, false);
        Softmax();
        Operands.Check(expected, _y, 1e-6);
    }

    [Benchmark]
    public void Softmax() => SoftmaxLoop.Run(_workers, SoftmaxKind.Softmax, Rows, Length, 1, (float*)_x.Pointer, (float*)_y.Pointer);

    [GlobalCleanup]
    public void Release() => _workers.Dispose();
}
