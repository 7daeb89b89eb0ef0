using System.Text;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Tests.Formats.Data;

public class NpyFileTests
{
    [Theory]
    [InlineData("f2", DType.F16)]
    [InlineData("f2be", DType.F16)]
    [InlineData("f4", DType.F32)]
    [InlineData("f4be", DType.F32)]
    [InlineData("f8", DType.F64)]
    [InlineData("f8be", DType.F64)]
    [InlineData("i1", DType.I8)]
    [InlineData("i2be", DType.I16)]
    [InlineData("i4", DType.I32)]
    [InlineData("i8be", DType.I64)]
    [InlineData("u1", DType.U8)]
    [InlineData("u2", DType.U16)]
    [InlineData("u4be", DType.U32)]
    [InlineData("u8", DType.U64)]
    public void Reads_every_number_type_in_both_byte_orders(string name, DType dtype)
    {
        var t = NpyFile.Parse(NpyFixtures.Get(name));
        Assert.Equal(dtype, t.DType);
        Assert.Equal(new Shape(2, 3, 4), t.Shape);
        int first = name[0] == 'u' ? 0 : -3;
        Assert.Equal(Enumerable.Range(first, 24).Select(i => (double)i), Numbers.ToDoubles(t));
    }

    [Theory]
    [InlineData("v2")]
    [InlineData("v3")]
    [InlineData("fortran")]
    public void Reads_versions_2_and_3_and_fortran_order(string name)
    {
        var t = NpyFile.Parse(NpyFixtures.Get(name));
        Assert.Equal(new Shape(2, 3, 4), t.Shape);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (double)i), Numbers.ToDoubles(t));
    }

    [Fact]
    public void Reads_booleans_complex_scalars_and_empty_arrays()
    {
        var b = NpyFile.Parse(NpyFixtures.Get("b1"));
        Assert.Equal(DType.Bool, b.DType);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => i % 3 == 0 ? 1.0 : 0), Numbers.ToDoubles(b));
        Assert.Equal([2f, 2f], NpyFile.Parse(NpyFixtures.Get("c8")).Span<float>()[4..6].ToArray());
        var s = NpyFile.Parse(NpyFixtures.Get("scalar"));
        Assert.Equal(Shape.Scalar, s.Shape);
        Assert.Equal(2.5f, s.Span<float>()[0]);
        Assert.Equal(new Shape(0, 3), NpyFile.Parse(NpyFixtures.Get("empty")).Shape);
    }

    [Fact]
    public void Reads_strings()
    {
        Assert.Equal(["ab", "cde", ""], NpyFile.Parse(NpyFixtures.Get("S")).Strings);
        Assert.Equal(["äb", "😀x", ""], NpyFile.Parse(NpyFixtures.Get("U")).Strings);
        Assert.Equal(["äb", "c", ""], NpyFile.Parse(NpyFixtures.Get("Ube")).Strings);
    }

    [Theory]
    [InlineData("object", "pickled")]
    [InlineData("record", "records")]
    public void Refuses_objects_and_records(string name, string because) =>
        Assert.Contains(because, Assert.Throws<DataFormatException>(() => NpyFile.Parse(NpyFixtures.Get(name), "x.npy")).Message, StringComparison.Ordinal);

    [Fact]
    public void Refuses_truncation_at_every_length()
    {
        foreach (var name in NpyFixtures.Files.Keys) Mutations.Truncations<DataFormatException>(NpyFixtures.Get(name), b => NpyFile.Parse(b, name, Mutations.Limit));
    }

    [Fact]
    public void Survives_every_bit_flip()
    {
        foreach (var name in NpyFixtures.Files.Keys) Mutations.BitFlips<DataFormatException>(NpyFixtures.Get(name), b => NpyFile.Parse(b, name, Mutations.Limit));
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1, -1)}")]
    [InlineData("{'descr': '|S0', 'fortran_order': False, 'shape': (9000000000,)}")]
    [InlineData("{'descr': '<U9223372036854775807', 'fortran_order': False, 'shape': (0,)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': False}")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x")]
    [InlineData("__import__('os')")]
    [InlineData("")]
    public void Refuses_hostile_headers(string header)
    {
        byte[] bytes = [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), 0, 0, 0, 0];
        Assert.Throws<DataFormatException>(() => NpyFile.Parse(bytes));
    }

    [Fact]
    public void Writes_what_it_reads()
    {
        foreach (var dtype in Enum.GetValues<DType>().Where(t => t.IsFloat() || t.IsInteger() || t == DType.Bool))
        {
            var t = Numbers.FromDoubles(dtype, new Shape(3, 1), [0, 1, 3]);
            using var s = new MemoryStream();
            NpyFile.Write(s, t);
            var back = NpyFile.Parse(s.ToArray());
            Assert.Equal(t.Shape, back.Shape);
            Assert.Equal(Numbers.ToDoubles(t), Numbers.ToDoubles(back));
        }
    }

    [Theory]
    [InlineData("f4")]
    [InlineData("i1")]
    [InlineData("u8")]
    [InlineData("scalar")]
    [InlineData("empty")]
    [InlineData("U")]
    [InlineData("b1")]
    [InlineData("c8")]
    public void Writes_the_bytes_that_numpy_writes(string name)
    {
        using var s = new MemoryStream();
        NpyFile.Write(s, NpyFile.Parse(NpyFixtures.Get(name)));
        var expected = NpyFile.Parse(NpyFixtures.Get(name));
        Assert.Equal(NpyFixtures.Get(name).Length, s.Length);
        Assert.Equal(NpyFixtures.Get(name), s.ToArray());
        Assert.Equal(expected.Shape, NpyFile.Parse(s.ToArray()).Shape);
    }
}
