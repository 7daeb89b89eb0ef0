using BenchmarkDotNet.Attributes;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Benchmarks;

/// <summary>Square products in f32, B packed beforehand as a model's weights are.</summary>
public unsafe class GemmF32Benchmarks
{
    private Tensor _a = null!, _packed = null!, _c = null!;
    private Workers _workers = null!;

    [Params(256, 1024)]
    public int Size { get; set; }

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        var random = new Random(1);
        Tensor Fill(Tensor t)
        {
            foreach (ref float x in t.Span<float>()) x = random.NextSingle() - 0.5f;
            return t;
        }
        _workers = new Workers(Threads);
        _a = Fill(Tensor.Allocate(DType.F32, new Shape(Size, Size)));
        var b = Fill(Tensor.Allocate(DType.F32, new Shape(Size, Size)));
        _packed = Tensor.Allocate(DType.F32, new Shape(GemmF32.PackedLength(Size, Size)));
        GemmF32.Pack(_workers, Size, Size, (float*)b.Pointer, Size, 1, (float*)_packed.Pointer);
        _c = Tensor.Allocate(DType.F32, new Shape(Size, Size));
        Product();
        double expected = 0;
        for (int k = 0; k < Size; k++) expected += (double)_a.Span<float>()[3 * Size + k] * b.Span<float>()[k * Size + 5];
        if (Math.Abs(_c.Span<float>()[3 * Size + 5] - expected) > 1e-3) throw new InvalidOperationException("the product is wrong");
    }

    [Benchmark]
    public void Product() => GemmF32.Run(_workers, Size, Size, Size, (float*)_a.Pointer, Size, 1, (float*)_packed.Pointer, (float*)_c.Pointer, Size, new NoEpilogue());

    [GlobalCleanup]
    public void Release() => _workers.Dispose();
}
