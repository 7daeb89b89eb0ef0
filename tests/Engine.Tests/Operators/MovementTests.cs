using Engine.Tensors;

namespace Engine.Tests;

public class MovementTests
{
    [Fact]
    public void Transpose_permutes_axes()
    {
        var x = Tensor.From(new Shape(2, 3), new float[] { 1, 2, 3, 4, 5, 6 });
        var y = OpRunner.One("Transpose", 13, [x]);
        Assert.Equal(new Shape(3, 2), y.Shape);
        Assert.Equal([1, 4, 2, 5, 3, 6], y.Span<float>().ToArray());
    }

    [Fact]
    public void NonZero_lists_indices_in_row_major_order()
    {
        var y = OpRunner.One("NonZero", 13, [Tensor.From(new Shape(2, 2), new float[] { 1, -0f, 0, 3 })]);
        Assert.Equal(new Shape(2, 2), y.Shape);
        Assert.Equal([0, 1, 0, 1], y.Span<long>().ToArray());
    }

    [Fact]
    public void Transpose_moves_strings_and_packed_nibbles_alike()
    {
        var s = OpRunner.One("Transpose", 13, [new Tensor(new Shape(2, 2), ["a", "b", "c", "d"])]);
        Assert.Equal(["a", "c", "b", "d"], s.Strings);
        var n = Tensor.Allocate(DType.I4, new Shape(2, 2));
        n.Bytes[0] = 0x21;
        n.Bytes[1] = 0x43;
        Assert.Equal([0x31, 0x42], OpRunner.One("Transpose", 21, [n]).Bytes.ToArray());
    }
}
