using Engine.Tensors;

namespace Engine.Tests;

public class SequenceTests
{
    private static Tensor F(params float[] v) => Tensor.Vector<float>(v);

    private static TensorSequence Seq(params RuntimeValue[] items) => new(items);

    private static TensorSequence Run(string op, IReadOnlyList<RuntimeValue?> inputs, Dictionary<string, object>? a = null) => (TensorSequence)OpRunner.Run(op, 11, inputs, a)[0]!;

    private static IEnumerable<string> Show(TensorSequence s) => s.Items.Select(t => string.Join(' ', ((Tensor)t).Span<float>().ToArray()));

    [Fact]
    public void Insert_and_erase_count_positions_from_either_end()
    {
        var s = Run("SequenceConstruct", [F(1), F(2)]);
        Assert.Equal(["1", "2", "3"], Show(Run("SequenceInsert", [s, F(3)])));
        Assert.Equal(["1", "3", "2"], Show(Run("SequenceInsert", [s, F(3), Tensor.Scalar(-1)])));
        Assert.Equal(["1"], Show(Run("SequenceErase", [s])));
        Assert.Equal(["2"], Show(Run("SequenceErase", [s, Tensor.Scalar(-2L)])));
        Assert.Equal(2, OpRunner.One("SequenceLength", 11, [s]).Span<long>()[0]);
        Assert.Equal(2, OpRunner.One("SequenceAt", 11, [s, Tensor.Scalar(1L)]).Span<float>()[0]);
        Assert.Equal(["1", "2"], Show(s));
    }

    [Fact]
    public void Positions_and_types_are_checked()
    {
        var s = Seq(F(1), F(2));
        foreach (long p in (long[])[2, -3, long.MaxValue])
        {
            Assert.Throws<OperatorException>(() => OpRunner.Run("SequenceAt", 11, [s, Tensor.Scalar(p)]));
            Assert.Throws<OperatorException>(() => Run("SequenceErase", [s, Tensor.Scalar(p)]));
        }
        Assert.Throws<OperatorException>(() => Run("SequenceInsert", [s, F(3), Tensor.Scalar(3L)]));
        Assert.Throws<OperatorException>(() => Run("SequenceInsert", [s, Tensor.Vector(1)]));
        Assert.Throws<OperatorException>(() => Run("SequenceErase", [Run("SequenceEmpty", [])]));
        Assert.Throws<OperatorException>(() => Run("SequenceInsert", [Run("SequenceEmpty", [], new() { ["dtype"] = (long)DType.I32 }), F(1)]));
        Assert.Throws<OperatorException>(() => OpRunner.Run("SequenceAt", 11, [F(1), Tensor.Scalar(0L)]));
    }

    [Fact]
    public void Split_to_sequence_and_back()
    {
        var x = Naive.Ramp(new Shape(2, 5));
        Dictionary<string, object> last = new() { ["axis"] = -1L };
        foreach (var split in (Tensor?[])[null, Tensor.Scalar(2L), Tensor.Vector<long>(1, 0, 4)])
        {
            var parts = Run("SplitToSequence", [x, split], last);
            var y = OpRunner.One("ConcatFromSequence", 11, [parts], last);
            Assert.Equal(x.Shape, y.Shape);
            Assert.Equal(x.Span<float>().ToArray(), y.Span<float>().ToArray());
        }
        Assert.Equal(new Shape(2, 1), ((Tensor)Run("SplitToSequence", [x, Tensor.Scalar(2L)], last).Items[2]).Shape);
        var dropped = Run("SplitToSequence", [x], new() { ["axis"] = 1L, ["keepdims"] = 0L });
        Assert.Equal(["0 5", "1 6", "2 7", "3 8", "4 9"], Show(dropped));
        Assert.Equal(x.Span<float>().ToArray(), OpRunner.One("ConcatFromSequence", 11, [dropped], new() { ["axis"] = 1L, ["new_axis"] = 1L }).Span<float>().ToArray());
        Assert.Throws<OperatorException>(() => Run("SplitToSequence", [x, Tensor.Vector<long>(1, 5)], last));
        Assert.Throws<OperatorException>(() => Run("SplitToSequence", [x, Tensor.Scalar(0L)], last));
        Assert.Throws<OperatorException>(() => Run("ConcatFromSequence", [Seq()], last));
    }

    [Fact]
    public void Strings_and_nibbles_are_split_and_joined()
    {
        var s = Run("SplitToSequence", [new Tensor(new Shape(3), ["a", "b", "c"]), Tensor.Scalar(2L)]);
        Assert.Equal(["c"], ((Tensor)s.Items[1]).Strings);
        Assert.Equal(["c", "a", "b"], OpRunner.One("ConcatFromSequence", 11, [Seq(s.Items[1], s.Items[0])], new() { ["axis"] = 0L }).Strings);
        var n = Tensor.Allocate(DType.I4, new Shape(3));
        n.Bytes[0] = 0x21;
        n.Bytes[1] = 0x03;
        Assert.Equal([0x21, 0x13, 0x32], OpRunner.One("ConcatFromSequence", 11, [Seq(n, n)], new() { ["axis"] = 0L }).Bytes.ToArray());
    }

    [Fact]
    public void Optionals_hold_a_value_or_none()
    {
        static bool Has(params RuntimeValue?[] v) => OpRunner.One("OptionalHasElement", 18, v).Bytes[0] != 0;
        var none = OpRunner.Run("Optional", 15, [])[0]!;
        Assert.False(Has(none));
        Assert.False(Has());
        Assert.True(Has(F(1)));
        Assert.True(Has(OpRunner.Run("Optional", 15, [Seq()])[0]));
        Assert.Same(none, AbsentValue.Instance);
        Assert.Equal(1, OpRunner.One("OptionalGetElement", 18, [F(1)]).Span<float>()[0]);
        Assert.Throws<OperatorException>(() => OpRunner.Run("OptionalGetElement", 18, [none]));
    }
}
