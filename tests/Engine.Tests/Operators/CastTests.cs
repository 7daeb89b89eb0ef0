using Engine.Tensors;

namespace Engine.Tests;

public class CastTests
{
    private static readonly DType[] s_numeric =
    [
        DType.F32, DType.F64, DType.F16, DType.BF16, DType.I8, DType.U8, DType.I16, DType.U16, DType.I32, DType.U32, DType.I64, DType.U64, DType.Bool,
        DType.F8E4M3FN, DType.F8E4M3FNUZ, DType.F8E5M2, DType.F8E5M2FNUZ, DType.U4, DType.I4, DType.F4E2M1,
    ];

    private static Tensor Cast(Tensor x, DType to, bool saturate = true) => OpRunner.One("Cast", 21, [x], new() { ["to"] = (long)to, ["saturate"] = saturate ? 1L : 0L });

    [Fact]
    public void Small_whole_numbers_survive_every_pair_of_types()
    {
        for (int n = 0; n < 1100; n += 547)
        {
            var values = new float[n];
            for (int i = 0; i < n; i++) values[i] = i % 3;
            var x = Tensor.Vector<float>(values);
            foreach (var a in s_numeric)
                foreach (var b in s_numeric)
                {
                    var y = Cast(Cast(Cast(x, a), b), DType.F32).Span<float>().ToArray();
                    bool truth = a == DType.Bool || b == DType.Bool;
                    for (int i = 0; i < n; i++) Assert.True(y[i] == (truth ? Math.Min(1, values[i]) : values[i]), $"{values[i]} by {a} and {b} gives {y[i]}");
                }
        }
    }

    [Fact]
    public void Floats_truncate_to_integers()
    {
        var x = Tensor.Vector(-1.9f, 1.9f, 300, -1, float.NaN, 1e30f);
        Assert.Equal([-1, 1, 300, -1, 0, int.MaxValue], Cast(x, DType.I32).Span<int>().ToArray());
        Assert.Equal([255, 1, 44, 255, 0], Cast(x, DType.U8).Span<byte>()[..5].ToArray());
        Assert.Equal([ulong.MaxValue, 1], Cast(Tensor.Vector(1.8446744073709552e19, 1.5), DType.U64).Span<ulong>().ToArray());
        Assert.Equal([true, false, true], Cast(Tensor.Vector(0.25f, -0f, float.NaN), DType.Bool).Span<bool>().ToArray());
    }

    [Fact]
    public void Integers_wrap_to_narrower_ones() => Assert.Equal([-1, 0, 127], Cast(Tensor.Vector(255, 256, 127), DType.I8).Span<sbyte>().ToArray());

    [Fact]
    public void Small_floats_saturate_when_asked()
    {
        var x = Tensor.Vector(1e6f, -1e6f, 1.0625f);
        Assert.Equal([448, -448, 1], Cast(Cast(x, DType.F8E4M3FN), DType.F32).Span<float>().ToArray());
        Assert.Equal([float.PositiveInfinity, float.NegativeInfinity, 1], Cast(Cast(x, DType.F8E5M2, saturate: false), DType.F32).Span<float>().ToArray());
    }

    [Fact]
    public void Floats_round_and_saturate_to_four_bits()
    {
        Assert.Equal([-8, 7, 2, -2], Cast(Cast(Tensor.Vector(-9f, 9, 1.5f, -2.5f), DType.I4), DType.I32).Span<int>().ToArray());
        Assert.Equal([0, 15, 2], Cast(Cast(Tensor.Vector(-9f, 90, 1.5f), DType.U4), DType.I32).Span<int>().ToArray());
    }

    [Fact]
    public void Numbers_print_as_NumPy_does()
    {
        string[] Print<T>(params T[] v) where T : unmanaged => Cast(Tensor.Vector<T>(v), DType.String).Strings;
        Assert.Equal(["0.9767611", "0.039187793", "1.0", "-0.0", "1e-05", "0.0001", "1e+16", "123456.0", "1.5e+20", "NaN", "-INF"],
            Print(0.9767611f, 0.039187793f, 1, -0f, 1e-5f, 1e-4f, 1e16f, 123456, 1.5e20f, float.NaN, float.NegativeInfinity));
        Assert.Equal(["-5", "7"], Print<sbyte>(-5, 7));
        Assert.Equal(["18446744073709551615"], Print(ulong.MaxValue));
        Assert.Equal(["True", "False"], Print(true, false));
    }

    [Fact]
    public void Strings_parse()
    {
        var s = new Tensor(new Shape(6), ["3.5", "-INF", "+INF", "nan", "1e-3", " 2 "]);
        Assert.Equal([3.5f, float.NegativeInfinity, float.PositiveInfinity, float.NaN, 1e-3f, 2], Cast(s, DType.F32).Span<float>().ToArray());
        Assert.Equal([9223372036854775807, -12, 3], Cast(new Tensor(new Shape(3), ["9223372036854775807", "-12", "3.9"]), DType.I64).Span<long>().ToArray());
        Assert.Equal([(Half)0.5f], Cast(new Tensor(new Shape(1), ["0.5"]), DType.F16).Span<Half>().ToArray());
        Assert.Throws<OperatorException>(() => Cast(new Tensor(new Shape(1), ["pear"]), DType.F32));
    }

    [Fact]
    public void CastLike_takes_its_type_from_the_second_input()
    {
        Assert.Equal(DType.I64, OpRunner.One("CastLike", 15, [Tensor.Vector(1.5f), Tensor.Vector(0L)]).DType);
        Assert.Equal(["1.5"], OpRunner.One("CastLike", 15, [Tensor.Vector(1.5f), new Tensor(new Shape(1), [""])]).Strings);
    }

    [Fact]
    public void Targets_are_named_before_opset_6_and_checked()
    {
        Assert.Equal(DType.I32, OpRunner.One("Cast", 1, [Tensor.Vector(1.5f)], new() { ["to"] = "INT32" }).DType);
        Assert.Throws<OperatorException>(() => OpRunner.One("Cast", 13, [Tensor.Vector(1.5f)], new() { ["to"] = 99L }));
    }
}
