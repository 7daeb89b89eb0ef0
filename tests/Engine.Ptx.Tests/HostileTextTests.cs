namespace Engine.Ptx.Tests;

/// <summary>Text that is not PTX gives a typed error, in time.</summary>
public sealed class HostileTextTests
{
    [Theory]
    [InlineData("", "expected '.version'")]
    [InlineData(".version 7.4\n.target sm_80\nmov", "expected a declaration")]
    [InlineData(".version 7.4 /* ", "without an end")]
    [InlineData(".version 7.4\n.visible .entry k() { .reg .b32 %r<2>; mov.u32 %r3, 0; }", "no register '%r3'")]
    [InlineData(".version 7.4\n.visible .entry k() { bra nowhere; }", "'nowhere' is nowhere")]
    [InlineData(".version 7.4\n.visible .entry k() { a: a: }", "exists twice")]
    [InlineData(".version 7.4\n.visible .entry k() { .reg .b32 %r<99999999999>; }", "expected an integer")]
    [InlineData(".version 7.4\n.shared .align 3 .b8 s[4];", "no power of two")]
    [InlineData(".version 7.4\n.shared .b8 s[2000000000][2000000000];", "over 2147483648 bytes")]
    [InlineData(".version 7.4\n.visible .entry k() { .local .b8 l[1000000]; }", "local memory")]
    [InlineData(".version 7.4\n.visible .entry k(.param .u64 a, .param .u64 a) { }", "exists twice")]
    [InlineData(".version 7.4\n.visible .entry k() {", "the text ends here")]
    public void Is_named_with_its_line(string text, string message)
    {
        var error = Assert.Throws<PtxSyntaxException>(() => PtxModule.Parse(text, "bad.ptx"));
        Assert.StartsWith("bad.ptx(", error.Message);
        Assert.Contains(message, error.Message);
    }

    [Theory]
    [InlineData("wgmma.fence.sync.aligned;")]
    [InlineData("mma.sync.aligned.m16n8k16.row.row.f32.f16.f16.f32 {%f1,%f2,%f3,%f4},{%r1,%r2,%r3,%r4},{%r5,%r6},{%f1,%f2,%f3,%f4};")]
    [InlineData("tex.2d.v4.f32.s32 {%f1,%f2,%f3,%f4}, [%rd1, {%r1,%r2}];")]
    [InlineData("add.u32 %r1, %r2;")]
    [InlineData("add.u32 %rd1, %r2, %r3;")]
    [InlineData("ld.global.u64 %r1, [%rd1];")]
    [InlineData("mov.u32 %p1, %r1;")]
    [InlineData("call f;")]
    public void Instructions_that_cannot_be_are_named(string instruction)
    {
        Exception error = Assert.ThrowsAny<PtxException>(() => Kernels.Inline(".func f { call f; ret; }", instruction).Prepare());
        Assert.Contains("inline.ptx(", error.Message);
    }

    [Theory]
    [InlineData("basics")]
    [InlineData("pipeline")]
    public void Mutations_give_typed_errors_or_other_kernels(string name)
    {
        string text = Kernels.Text(name);
        var random = new Random(11);
        string[] pieces = ["{", "}", ";", ",", "[", "]", ".", "%", "0x", "-", "@", "\"", "/*", "9999999999999999999999", "%r1", ".reg", ":", "(", ")", "<", "|", "!", "\0", "é"];
        int rejected = 0;
        for (int i = 0; i < 400; i++)
        {
            int at = random.Next(text.Length), length = random.Next(1, 12);
            string changed = random.Next(4) switch
            {
                0 => text[..at],
                1 => text.Remove(at, Math.Min(length, text.Length - at)),
                2 => text.Insert(at, pieces[random.Next(pieces.Length)]),
                _ => text.Insert(at, text.Substring(random.Next(text.Length - 40), 40)),
            };
            try
            {
                foreach (PtxEntry entry in PtxModule.Parse(changed, name).Entries.Values) entry.Prepare();
            }
            catch (PtxException)
            {
                rejected++;
            }
        }
        Assert.InRange(rejected, 100, 399);
    }

    [Fact]
    public void Braces_nested_without_end_are_refused() =>
        Assert.Throws<PtxSyntaxException>(() => PtxModule.Parse(".version 7.4\n.visible .entry k() " + new string('{', 100_000), "deep.ptx"));
}
