using System.Runtime.InteropServices;
using Engine.Formats.EngineFiles;
using Engine.Tensors;
using static Engine.Tests.Formats.EngineFiles.EngineFileSeeds;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Sections of signs and trees that lie, with checksums that fit: an error that names file, node and weight, before anything large is allocated. The sweeps over "signs" meet all other bytes.</summary>
public class SignSectionTests
{
    private const int Tree = 1, Rows = 2;

    private static readonly byte[] s_file = Write(Models["signs"]);

    // The trees have 3 rows of 9 columns (root 0, chain), and 4 of 10 (root 1).
    [Theory]
    [InlineData(Tree, "parents", new[] { 1, 0, 1 }, "no root")]
    [InlineData(Tree, "parents", new[] { -1, 2, 1 }, "cycle")]
    [InlineData(Tree, "parents", new[] { -1, 1, 1 }, "cycle")]
    [InlineData(Tree, "parents", new[] { -1, -1, 1 }, "two roots")]
    [InlineData(Tree, "parents", new[] { -1, 3, 1 }, "parent 3 of row 1")]
    [InlineData(Tree, "parents", new[] { -1, 0, int.MaxValue }, "parent 2147483647")]
    [InlineData(Tree, "parents", new[] { -2, 0, 1 }, "parent -2")]
    [InlineData(Tree, "parents", new[] { 1, -1, 1 }, "the root has flipped columns")]
    [InlineData(Tree, "starts", new[] { 0, 0, 2, 4 }, "")]
    [InlineData(Tree, "starts", new[] { 0, 0, 2, int.MaxValue }, "")]
    [InlineData(Tree, "starts", new[] { 0, 2, 0, 3 }, "")]
    [InlineData(Tree, "starts", new[] { -1, 0, 2, 3 }, "")]
    [InlineData(Tree, "starts", new[] { 0, 0, int.MinValue, 3 }, "")]
    [InlineData(Rows, "parents", new[] { 1, 0, 1, 0 }, "no root")]
    [InlineData(Rows, "parents", new[] { 3, -1, 1, 0 }, "cycle")]
    [InlineData(Rows, "parents", new[] { 1, -1, 1, 4 }, "parent 4 of row 3")]
    public void Numbers_that_make_no_tree(int weight, string section, int[] values, string says) => Refused(weight, section, b => values.AsSpan().CopyTo(MemoryMarshal.Cast<byte, int>(b)), says);

    [Theory]
    [InlineData(new ushort[] { 1, 9, 4 })]
    [InlineData(new ushort[] { 8, 1, 4 })]
    [InlineData(new ushort[] { 8, 8, 4 })]
    [InlineData(new ushort[] { 1, 8, ushort.MaxValue })]
    public void Flipped_columns_that_are_none(ushort[] values) => Refused(Tree, "flips", b => values.AsSpan().CopyTo(MemoryMarshal.Cast<byte, ushort>(b)), "");

    [Theory]
    [InlineData(0, "words", 8)]
    [InlineData(0, "words", 24)]
    [InlineData(Tree, "root", 0)]
    [InlineData(Rows, "words", 0)]
    [InlineData(Rows, "words", 24)]
    public void Bits_behind_the_last_column(int weight, string section, int at)
    {
        for (int bit = 10; bit < 64; bit += 9) Refused(weight, section, b => b[at + bit / 8] |= (byte)(1 << bit % 8), "padding bits");
    }

    [Theory]
    [InlineData("[2,70]", "[2,9223372036854775807]")]
    [InlineData("[2,70]", "[9223372036854775807,70]")]
    [InlineData("[2,70]", "[2,-1]")]
    [InlineData("[2,70]", "[]")]
    [InlineData("[2,70]", "[2,129]")]
    [InlineData("[3,9]", "[2147483647,9]")]
    [InlineData("[3,9]", "[3,2147483647]")]
    [InlineData("[3,9]", "[3,65]")]
    [InlineData("[3,9]", "[2,9]")]
    [InlineData("[4,2,5]", "[2147483647,2147483647,5]")]
    [InlineData("[4,2,5]", "[4,2147483647,1]")]
    [InlineData("[4,2,5]", "[4,2,4]")]
    public void Sizes_that_the_sections_do_not_have(string shape, string lie) => Refused(EngineFileMutations.WithGraph(s_file, shape, lie), "");

    [Theory]
    [InlineData("\"words\":\"w2/words\"", "\"words\":\"w0/words\"")]
    [InlineData("\"words\":\"w2/words\"", "\"root\":\"w1/root\"")]
    [InlineData("\"starts\":\"w1/starts\"", "\"starts\":\"w1/flips\"")]
    [InlineData("\"parents\":\"w1/parents\"", "\"parents\":\"w2/parents\"")]
    [InlineData("\"root\":\"w1/root\"", "\"words\":\"w1/root\"")]
    public void Sections_of_something_else(string reference, string lie) => Refused(EngineFileMutations.WithGraph(s_file, reference, lie), "");

    private static void Refused(int weight, string section, EngineFileMutations.SpanAction change, string says) => Refused(EngineFileMutations.WithSection(s_file, $"w{weight}/{section}", change), says, weight);

    private static void Refused(byte[] file, string says, int? weight = null)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var e = Assert.Throws<InvalidModelException>(() => EngineFileReader.Load(file, AnyOperator.Options with { VerifyChecksums = true }, "some.engine"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.StartsWith("some.engine: ", e.Message, StringComparison.Ordinal);
        Assert.Matches(weight is null ? "node 'n[0-2]', weight 'w[0-2]'" : $"node 'n{weight}', weight 'w{weight}'", e.Message);
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }
}
