using BenchmarkDotNet.Attributes;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Benchmarks;

/// <summary>Activations of 65536 elements in f32, on one thread.</summary>
public unsafe class ActivationBenchmarks
{
    private const int Count = 65536;

    private Tensor _x = null!, _y = null!;
    private UnaryF32.Fn _function = null!;

    [Params("relu-f32", "exp-f32", "tanh-f32", "sigmoid-f32", "gelu-f32", "hard-swish-f32")]
    public string Stem { get; set; } = "";

    [GlobalSetup]
    public void Prepare()
    {
        var table = UnaryF32.Tables.First(t => t.Stem == Stem);
        _function = table.Best;
        (_x, _y) = (Operands.Random(Count), Operands.Zeros(Count));
        foreach (ref float v in _x.Span<float>()) v *= 8;
        var expected = Operands.Zeros(Count);
        table.Reference((float*)_x.Pointer, (float*)expected.Pointer, Count, 0, 0);
        Apply();
        Operands.Check(expected, _y, 1e-6);
    }

    [Benchmark]
    public void Apply() => _function((float*)_x.Pointer, (float*)_y.Pointer, Count, 0, 0);
}
