using System.Numerics;

namespace Engine.Ptx.Tests;

/// <summary>Instructions of single lanes against plain C#, on values at the edges and between.</summary>
public sealed class LaneTests
{
    private static readonly ulong[] Edges =
    [
        0, 1, 2, 31, 32, 33, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, ulong.MaxValue,
        0x3f80_0000, 0xbf80_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x0000_0001_0000_0001, 0x4f00_0000, 0x3c00, 0xbc00, 0x7c00, 0x3c00_3c00, 0x4020_c000, 0x3f00_0000,
    ];

    private static float F(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong B(float value) => BitConverter.SingleToUInt32Bits(value);

    private static Half H(ulong bits) => BitConverter.UInt16BitsToHalf((ushort)bits);

    private static ulong B(Half value) => BitConverter.HalfToUInt16Bits(value);

    private static ulong Two(ulong a, ulong b, Func<Half, Half, Half> f) => B(f(H(a), H(b))) | B(f(H(a >> 16), H(b >> 16))) << 16;

    /// <summary>Result bits, operand bits, the instruction with D, A, B, C for registers, and what it computes.</summary>
    private static readonly (int D, int[] S, string Text, Func<ulong, ulong, ulong, ulong> Expected)[] Table =
    [
        (32, [32, 32], "add.s32 D, A, B;", (a, b, _) => (uint)(a + b)),
        (64, [64, 64], "add.u64 D, A, B;", (a, b, _) => a + b),
        (16, [16, 16], "add.s16 D, A, B;", (a, b, _) => (ushort)(a + b)),
        (32, [32, 32], "add.sat.s32 D, A, B;", (a, b, _) => (uint)(int)Math.Clamp((long)(int)a + (int)b, int.MinValue, int.MaxValue)),
        (32, [32, 32], "sub.u32 D, A, B;", (a, b, _) => (uint)(a - b)),
        (32, [32, 32], "mul.lo.s32 D, A, B;", (a, b, _) => (uint)((uint)a * (uint)b)),
        (32, [32, 32], "mul.hi.u32 D, A, B;", (a, b, _) => (ulong)(uint)a * (uint)b >> 32),
        (32, [32, 32], "mul.hi.s32 D, A, B;", (a, b, _) => (uint)((long)(int)a * (int)b >> 32)),
        (64, [64, 64], "mul.hi.u64 D, A, B;", (a, b, _) => (ulong)((UInt128)a * b >> 64)),
        (64, [64, 64], "mul.hi.s64 D, A, B;", (a, b, _) => (ulong)((Int128)(long)a * (long)b >> 64)),
        (64, [32, 32], "mul.wide.s32 D, A, B;", (a, b, _) => (ulong)((long)(int)a * (int)b)),
        (64, [32, 32], "mul.wide.u32 D, A, B;", (a, b, _) => (ulong)(uint)a * (uint)b),
        (32, [16, 16], "mul.wide.s16 D, A, B;", (a, b, _) => (uint)((short)a * (short)b)),
        (32, [32, 32, 32], "mad.lo.s32 D, A, B, C;", (a, b, c) => (uint)((uint)a * (uint)b + (uint)c)),
        (64, [32, 32, 64], "mad.wide.u32 D, A, B, C;", (a, b, c) => (ulong)(uint)a * (uint)b + c),
        (64, [32, 32, 64], "mad.wide.s32 D, A, B, C;", (a, b, c) => (ulong)((long)(int)a * (int)b) + c),
        (32, [32, 32, 32], "mad.hi.u32 D, A, B, C;", (a, b, c) => (uint)(((ulong)(uint)a * (uint)b >> 32) + c)),
        (32, [32, 32, 32], "mad24.lo.u32 D, A, B, C;", (a, b, c) => (uint)((a & 0xffffff) * (b & 0xffffff) + c)),
        (32, [32, 32], "div.u32 D, A, B;", (a, b, _) => (uint)b == 0 ? uint.MaxValue : (uint)a / (uint)b),
        (32, [32, 32], "div.s32 D, A, B;", (a, b, _) => (uint)b == 0 ? uint.MaxValue : (uint)((long)(int)a / (int)b)),
        (32, [32, 32], "rem.s32 D, A, B;", (a, b, _) => (uint)b == 0 ? (uint)a : (uint)((long)(int)a % (int)b)),
        (64, [64, 64], "rem.u64 D, A, B;", (a, b, _) => b == 0 ? a : a % b),
        (32, [32, 32], "min.s32 D, A, B;", (a, b, _) => (uint)Math.Min((int)a, (int)b)),
        (16, [16, 16], "max.s16 D, A, B;", (a, b, _) => (ushort)Math.Max((short)a, (short)b)),
        (16, [16, 16], "min.u16 D, A, B;", (a, b, _) => Math.Min((ushort)a, (ushort)b)),
        (32, [32], "abs.s32 D, A;", (a, _, _) => (uint)((int)a < 0 ? 0 - (uint)a : (uint)a)),
        (16, [16], "neg.s16 D, A;", (a, _, _) => (ushort)(0 - a)),
        (32, [32, 32, 32], "sad.s32 D, A, B, C;", (a, b, c) => (uint)((ulong)Math.Abs((long)(int)a - (int)b) + c)),
        (64, [64, 64], "and.b64 D, A, B;", (a, b, _) => a & b),
        (32, [32, 32], "or.b32 D, A, B;", (a, b, _) => (uint)(a | b)),
        (16, [16, 16], "xor.b16 D, A, B;", (a, b, _) => (ushort)(a ^ b)),
        (16, [16], "not.b16 D, A;", (a, _, _) => (ushort)~a),
        (32, [32], "cnot.b32 D, A;", (a, _, _) => (uint)a == 0 ? 1UL : 0),
        (32, [32, 32], "shl.b32 D, A, B;", (a, b, _) => (uint)b > 31 ? 0 : (uint)a << (int)b),
        (64, [64, 32], "shr.u64 D, A, B;", (a, b, _) => (uint)b > 63 ? 0 : a >> (int)b),
        (64, [64, 32], "shr.s64 D, A, B;", (a, b, _) => (ulong)((long)a >> (int)Math.Min((uint)b, 63))),
        (32, [32, 32], "shr.s32 D, A, B;", (a, b, _) => (uint)((int)a >> (int)Math.Min((uint)b, 31))),
        (16, [16, 32], "shr.s16 D, A, B;", (a, b, _) => (ushort)((short)a >> (int)Math.Min((uint)b, 15))),
        (32, [32, 32, 32], "shf.l.wrap.b32 D, A, B, C;", (a, b, c) => (uint)(((ulong)(uint)b << 32 | (uint)a) << (int)(c & 31) >> 32)),
        (32, [32, 32, 32], "shf.r.wrap.b32 D, A, B, C;", (a, b, c) => (uint)(((ulong)(uint)b << 32 | (uint)a) >> (int)(c & 31))),
        (32, [32, 32, 32], "shf.r.clamp.b32 D, A, B, C;", (a, b, c) => (uint)(((ulong)(uint)b << 32 | (uint)a) >> (int)Math.Min((uint)c, 32))),
        (32, [32, 32, 32], "lop3.b32 D, A, B, C, 0xea;", (a, b, c) => (uint)((a & b) | c)),
        (32, [32, 32, 32], "lop3.b32 D, A, B, C, 0x96;", (a, b, c) => (uint)(a ^ b ^ c)),
        (32, [32, 32, 32], "lop3.b32 D, A, B, C, 0x1d;", (a, b, c) => (uint)Enumerable.Range(0, 32).Sum(i => (long)(0x1du >> (int)((a >> i & 1) * 4 + (b >> i & 1) * 2 + (c >> i & 1)) & 1) << i)),
        (32, [32, 32], "prmt.b32 D, A, B, 0x5410;", (a, b, _) => (ushort)a | (uint)(b & 0xffff) << 16),
        (32, [32, 32], "prmt.b32 D, A, B, 0xf3a1;", (a, b, _) => (uint)((a >> 8 & 0xff) | ((a >> 23 & 1) * 0xff00) | (a >> 24 & 0xff) << 16 | ((b >> 31 & 1) * 0xff000000))),
        (32, [64], "popc.b64 D, A;", (a, _, _) => (ulong)BitOperations.PopCount(a)),
        (32, [32], "clz.b32 D, A;", (a, _, _) => (ulong)BitOperations.LeadingZeroCount((uint)a)),
        (32, [32], "brev.b32 D, A;", (a, _, _) => (uint)Enumerable.Range(0, 32).Sum(i => (long)(a >> i & 1) << (31 - i))),
        (32, [32], "bfind.u32 D, A;", (a, _, _) => (uint)a == 0 ? uint.MaxValue : (uint)BitOperations.Log2((uint)a)),
        (32, [32], "bfe.u32 D, A, 7, 12;", (a, _, _) => (uint)a >> 7 & 0xfff),
        (32, [32], "bfe.s32 D, A, 8, 8;", (a, _, _) => (uint)(sbyte)(a >> 8)),
        (32, [32], "bfe.s32 D, A, 28, 8;", (a, _, _) => (uint)((int)a >> 28)),
        (64, [64], "bfe.u64 D, A, 60, 10;", (a, _, _) => a >> 60),
        (32, [32, 32], "bfi.b32 D, A, B, 4, 9;", (a, b, _) => (uint)((b & ~0x1ff0UL) | (a & 0x1ff) << 4)),
        (32, [32, 32, 32], "dp4a.s32.s32 D, A, B, C;", (a, b, c) => (uint)((uint)Enumerable.Range(0, 4).Sum(i => (sbyte)(a >> (8 * i)) * (sbyte)(b >> (8 * i))) + (uint)c)),
        (32, [32, 32, 32], "dp4a.u32.s32 D, A, B, C;", (a, b, c) => (uint)((uint)Enumerable.Range(0, 4).Sum(i => (byte)(a >> (8 * i)) * (sbyte)(b >> (8 * i))) + (uint)c)),
        (32, [32, 32, 32], "dp2a.hi.s32.u32 D, A, B, C;", (a, b, c) => (uint)((uint)((short)a * (byte)(b >> 16) + (short)(a >> 16) * (byte)(b >> 24)) + (uint)c)),
        (32, [32, 32], "add.rn.f32 D, A, B;", (a, b, _) => B(F(a) + F(b))),
        (32, [32, 32], "mul.rn.ftz.f32 D, A, B;", (a, b, _) => B(Flush(Flush(F(a)) * Flush(F(b))))),
        (32, [32, 32], "add.sat.f32 D, A, B;", (a, b, _) => B(F(a) + F(b) is > 0 and var s ? MathF.Min(s, 1) : 0)),
        (32, [32, 32, 32], "fma.rn.f32 D, A, B, C;", (a, b, c) => B(MathF.FusedMultiplyAdd(F(a), F(b), F(c)))),
        (32, [32, 32], "div.rn.f32 D, A, B;", (a, b, _) => B(F(a) / F(b))),
        (32, [32, 32], "min.f32 D, A, B;", (a, b, _) => B(float.MinNumber(F(a), F(b)))),
        (32, [32, 32], "max.NaN.f32 D, A, B;", (a, b, _) => B(MathF.Max(F(a), F(b)))),
        (32, [32], "abs.f32 D, A;", (a, _, _) => (uint)a & 0x7fff_ffff),
        (32, [32], "neg.f32 D, A;", (a, _, _) => (uint)a ^ 0x8000_0000),
        (32, [32], "sqrt.rn.f32 D, A;", (a, _, _) => B(MathF.Sqrt(F(a)))),
        (32, [32], "rcp.rn.f32 D, A;", (a, _, _) => B(1 / F(a))),
        (32, [32], "ex2.approx.ftz.f32 D, A;", (a, _, _) => B(Flush((float)Math.Pow(2, Flush(F(a)))))),
        (64, [64, 64, 64], "fma.rn.f64 D, A, B, C;", (a, b, c) => BitConverter.DoubleToUInt64Bits(Math.FusedMultiplyAdd(BitConverter.UInt64BitsToDouble(a), BitConverter.UInt64BitsToDouble(b), BitConverter.UInt64BitsToDouble(c)))),
        (16, [16, 16], "add.f16 D, A, B;", (a, b, _) => B(H(a) + H(b))),
        (32, [32, 32], "mul.f16x2 D, A, B;", (a, b, _) => Two(a, b, (x, y) => x * y)),
        (32, [32, 32], "sub.f16x2 D, A, B;", (a, b, _) => Two(a, b, (x, y) => x - y)),
        (32, [32, 32], "max.f16x2 D, A, B;", (a, b, _) => Two(a, b, Half.MaxNumber)),
        (16, [16], "neg.bf16 D, A;", (a, _, _) => (ushort)(a ^ 0x8000)),
        (64, [32], "cvt.s64.s32 D, A;", (a, _, _) => (ulong)(int)a),
        (64, [32], "cvt.u64.u32 D, A;", (a, _, _) => (uint)a),
        (32, [64], "cvt.u32.u64 D, A;", (a, _, _) => (uint)a),
        (32, [32], "cvt.s32.s8 D, A;", (a, _, _) => (uint)(sbyte)a),
        (16, [32], "cvt.u16.u32 D, A;", (a, _, _) => (ushort)a),
        (32, [16], "cvt.s32.s16 D, A;", (a, _, _) => (uint)(short)a),
        (32, [32], "cvt.sat.s8.s32 D, A;", (a, _, _) => (uint)Math.Clamp((int)a, -128, 127)),
        (32, [32], "cvt.sat.u8.s32 D, A;", (a, _, _) => (uint)Math.Clamp((int)a, 0, 255)),
        (32, [32], "cvt.rn.f32.s32 D, A;", (a, _, _) => B((float)(int)a)),
        (32, [32], "cvt.rn.f32.u32 D, A;", (a, _, _) => B((float)(uint)a)),
        (32, [64], "cvt.rn.f32.u64 D, A;", (a, _, _) => B((float)a)),
        (32, [32], "cvt.rzi.s32.f32 D, A;", (a, _, _) => float.IsNaN(F(a)) ? 0 : (uint)(int)Math.Clamp(Math.Truncate((double)F(a)), int.MinValue, int.MaxValue)),
        (32, [32], "cvt.rni.u32.f32 D, A;", (a, _, _) => float.IsNaN(F(a)) ? 0 : (uint)Math.Clamp(Math.Round((double)F(a)), 0, uint.MaxValue)),
        (32, [32], "cvt.rmi.f32.f32 D, A;", (a, _, _) => B(MathF.Floor(F(a)))),
        (32, [16], "cvt.f32.f16 D, A;", (a, _, _) => B((float)H(a))),
        (16, [32], "cvt.rn.f16.f32 D, A;", (a, _, _) => B((Half)F(a))),
        (64, [32], "cvt.f64.f32 D, A;", (a, _, _) => BitConverter.DoubleToUInt64Bits(F(a))),
        (32, [32, 32], "cvt.rn.f16x2.f32 D, A, B;", (a, b, _) => B((Half)F(a)) << 16 | B((Half)F(b))),
        (32, [32], "cvt.rna.tf32.f32 D, A;", (a, _, _) => float.IsFinite(F(a)) ? (uint)(a + 0x1000) & 0xffff_e000 : (uint)a),
        (32, [32, 32], "{ .reg .pred p, q; setp.lt.s32 p|q, A, B; selp.b32 D, A, B, q; }", (a, b, _) => (uint)Math.Max((int)a, (int)b)),
        (32, [32, 32], "{ .reg .pred p; setp.gtu.f32 p, A, B; selp.u32 D, 1, 0, p; }", (a, b, _) => F(a) <= F(b) ? 0UL : 1),
        (32, [32, 32], "{ .reg .pred p; setp.ne.f32 p, A, B; selp.u32 D, 1, 0, p; }", (a, b, _) => F(a) < F(b) || F(a) > F(b) ? 1UL : 0),
        (32, [32, 32], "set.le.u32.s32 D, A, B;", (a, b, _) => (int)a <= (int)b ? uint.MaxValue : 0),
        (32, [32, 32, 32], "slct.b32.s32 D, A, B, C;", (a, b, c) => (int)c >= 0 ? (uint)a : (uint)b),
        (64, [32, 32], "mov.b64 D, {A, B};", (a, b, _) => (uint)a | b << 32),
        (32, [64], "{ .reg .b32 x; mov.b64 {x, D}, A; }", (a, _, _) => a >> 32),
        (32, [32], "{ .reg .b16 x, y; mov.b32 {x, y}, A; mov.b32 D, {y, x}; }", (a, _, _) => (uint)(a >> 16 & 0xffff) | (uint)(a & 0xffff) << 16),
        (64, [64, 64], "{ .reg .b32 a, b, c, d; mov.b64 {a, b}, A; mov.b64 {c, d}, B; add.cc.u32 a, a, c; addc.u32 b, b, d; mov.b64 D, {a, b}; }", (a, b, _) => a + b),
        (64, [64, 64], "{ .reg .b32 a, b, c, d; mov.b64 {a, b}, A; mov.b64 {c, d}, B; sub.cc.u32 a, a, c; subc.u32 b, b, d; mov.b64 D, {a, b}; }", (a, b, _) => a - b),
    ];

    public static TheoryData<string> Instructions => [.. Table.Select(t => t.Text)];

    private static float Flush(float value) => float.IsSubnormal(value) ? MathF.CopySign(0, value) : value;

    [Theory, MemberData(nameof(Instructions))]
    public void Agrees_with_plain_code(string text)
    {
        (int resultBits, int[] sources, _, Func<ulong, ulong, ulong, ulong> expected) = Table.Single(t => t.Text == text);
        const int threads = 96;
        var random = new Random(text.Length);
        ulong[] input = [.. Enumerable.Range(0, threads * 3).Select(i => random.Next(3) == 0 ? (ulong)random.NextInt64() : Edges[random.Next(Edges.Length)])];
        string loads = string.Concat(sources.Select((bits, i) => $"ld.global.u{bits} {Name(bits, 10 + i)}, [%rd1+{i * 8}];\n"));
        string body = text.Replace("D", Name(resultBits, 20), StringComparison.Ordinal);
        for (int i = 0; i < sources.Length; i++) body = body.Replace("ABC"[i].ToString(), Name(sources[i], 10 + i), StringComparison.Ordinal);
        PtxEntry entry = Kernels.Inline("", $$"""
            ld.param.u64 %rd1, [in];
            ld.param.u64 %rd2, [out];
            mov.u32 %r1, %tid.x;
            mad.wide.u32 %rd1, %r1, 24, %rd1;
            mad.wide.u32 %rd2, %r1, 8, %rd2;
            {{loads}}
            {{body}}
            st.global.b{{resultBits}} [%rd2], {{Name(resultBits, 20)}};
            """);
        var device = new PtxDevice();
        PtxBuffer result = device.Allocate(threads * 8, "out", written: true);
        device.Launch(entry, 1, threads, 0, device.Upload<ulong>("in", input), result).Check();
        ulong[] actual = result.Download<ulong>(threads);
        for (int i = 0; i < threads; i++)
        {
            ulong a = Low(input[3 * i], sources, 0), b = Low(input[3 * i + 1], sources, 1), c = Low(input[3 * i + 2], sources, 2), want = expected(a, b, c);
            bool bothNaN = text.Contains(".f", StringComparison.Ordinal) && IsNaN(want, resultBits) && IsNaN(actual[i], resultBits);
            if (!bothNaN && !NaNPair(text, want, actual[i])) Assert.True(want == actual[i], $"{text} of 0x{a:x}, 0x{b:x}, 0x{c:x}: 0x{actual[i]:x}, expected 0x{want:x}");
        }
    }

    private static ulong Low(ulong value, int[] sources, int index) =>
        index >= sources.Length || sources[index] == 64 ? value : value & ((1UL << sources[index]) - 1);

    private static bool IsNaN(ulong bits, int size) => size switch
    {
        16 => Half.IsNaN(H(bits)),
        32 => float.IsNaN(F(bits)),
        _ => double.IsNaN(BitConverter.UInt64BitsToDouble(bits)),
    };

    private static bool NaNPair(string text, ulong want, ulong actual)
    {
        if (!text.Contains("f16x2", StringComparison.Ordinal)) return false;
        for (int shift = 0; shift < 32; shift += 16)
            if (!(Half.IsNaN(H(want >> shift)) && Half.IsNaN(H(actual >> shift))) && (ushort)(want >> shift) != (ushort)(actual >> shift)) return false;
        return true;
    }

    private static string Name(int bits, int number) => bits switch { 16 => $"%h{number}", 32 => $"%r{number}", _ => $"%rd{number}" };
}
