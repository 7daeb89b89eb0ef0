namespace Engine.Ptx.Tests;

/// <summary>Matrix instructions against products of whole matrices. The layouts are written down here once more, element by element as the manual lists them.</summary>
public sealed class MmaTests
{
    private static readonly Random Values = new(7);

    /// <summary>Row and column of element <paramref name="i"/> of a lane's fragment.</summary>
    private delegate (int Row, int Column) Place(int lane, int i);

    private static Place AccumulatorOf(int m) => (lane, i) => (m == 8 || i < 2 ? lane / 4 : lane / 4 + 8, lane % 4 * 2 + i % 2);

    [Theory]
    [InlineData("m16n8k16", "f16", "f32")]
    [InlineData("m16n8k16", "bf16", "f32")]
    [InlineData("m16n8k16", "f16", "f16")]
    [InlineData("m16n8k8", "f16", "f32")]
    [InlineData("m16n8k8", "bf16", "f32")]
    public void Half_precision(string shape, string type, string accumulator)
    {
        int k = shape == "m16n8k16" ? 16 : 8;
        Place a = (lane, i) => (i % 4 < 2 ? lane / 4 : lane / 4 + 8, lane % 4 * 2 + i % 2 + (i < 4 ? 0 : 8));
        Place b = (lane, i) => (lane % 4 * 2 + i % 2 + (i < 2 ? 0 : 8), lane / 4);
        Check($"mma.sync.aligned.{shape}.row.col.{accumulator}.{type}.{type}.{accumulator}", 16, k, 16, a, b, type, type, accumulator);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public void Tf32(int k)
    {
        Place a = (lane, i) => (i % 2 == 0 ? lane / 4 : lane / 4 + 8, lane % 4 + (i < 2 ? 0 : 4));
        Place b = (lane, i) => (lane % 4 + (i == 0 ? 0 : 4), lane / 4);
        Check($"mma.sync.aligned.m16n8k{k}.row.col.f32.tf32.tf32.f32", 16, k, 32, a, b, "tf32", "tf32", "f32");
    }

    [Theory]
    [InlineData(16, 32, "s8", "s8")]
    [InlineData(16, 32, "u8", "s8")]
    [InlineData(16, 16, "s8", "u8")]
    [InlineData(8, 16, "s8", "s8")]
    [InlineData(8, 16, "u8", "u8")]
    public void Bytes(int m, int k, string ta, string tb)
    {
        Place a = m == 8
            ? (lane, i) => (lane / 4, lane % 4 * 4 + i)
            : (lane, i) => (i % 8 < 4 ? lane / 4 : lane / 4 + 8, lane % 4 * 4 + i % 4 + (i < 8 ? 0 : 16));
        Place b = (lane, i) => (lane % 4 * 4 + i % 4 + (i < 4 ? 0 : 16), lane / 4);
        Check($"mma.sync.aligned.m{m}n8k{k}.row.col.s32.{ta}.{tb}.s32", m, k, 8, a, b, ta, tb, "s32");
    }

    [Theory]
    [InlineData(16, 64)]
    [InlineData(16, 32)]
    [InlineData(8, 32)]
    public void Nibbles(int m, int k)
    {
        Place a = m == 8
            ? (lane, i) => (lane / 4, lane % 4 * 8 + i)
            : (lane, i) => (i % 16 < 8 ? lane / 4 : lane / 4 + 8, lane % 4 * 8 + i % 8 + (i < 16 ? 0 : 32));
        Place b = (lane, i) => (lane % 4 * 8 + i % 8 + (i < 8 ? 0 : 32), lane / 4);
        Check($"mma.sync.aligned.m{m}n8k{k}.row.col.s32.s4.s4.s32", m, k, 4, a, b, "s4", "s4", "s32");
    }

    [Theory]
    [InlineData(16, 256, "and")]
    [InlineData(16, 256, "xor")]
    [InlineData(16, 128, "and")]
    [InlineData(8, 128, "xor")]
    public void Bits(int m, int k, string operation)
    {
        Place a = m == 8
            ? (lane, i) => (lane / 4, lane % 4 * 32 + i)
            : (lane, i) => (i % 64 < 32 ? lane / 4 : lane / 4 + 8, lane % 4 * 32 + i % 32 + (i < 64 ? 0 : 128));
        Place b = (lane, i) => (lane % 4 * 32 + i % 32 + (i < 32 ? 0 : 128), lane / 4);
        Check($"mma.sync.aligned.m{m}n8k{k}.row.col.s32.b1.b1.s32.{operation}.popc", m, k, 1, a, b, "b1", "b1", "s32", (x, y) => operation == "and" ? x * y : x == y ? 0 : 1);
    }

    [Theory]
    [InlineData(32, "f16", 0)]
    [InlineData(32, "f16", 1)]
    [InlineData(32, "bf16", 1)]
    [InlineData(16, "f16", 0)]
    [InlineData(16, "f16", 3)]
    [InlineData(64, "s8", 0)]
    public void Sparse(int k, string type, int selector)
    {
        int bits = type == "s8" ? 8 : 16;
        string sums = bits == 8 ? "s32" : "f32";
        double[,] whole = new double[16, k], held = new double[16, k / 2];
        uint[] metadata = [.. Enumerable.Range(0, 32).Select(_ => (uint)Values.Next())];
        for (int row = 0; row < 16; row++)
        {
            for (int group = 0; group < k / 4; group++)
            {
                int first = Values.Next(3), second = Values.Next(first + 1, 4);
                held[row, 2 * group] = whole[row, 4 * group + first] = Value(type);
                held[row, 2 * group + 1] = whole[row, 4 * group + second] = Value(type);
                (int lane, int shift) = MetadataPlace(k, bits, selector, row, group);
                metadata[lane] = (metadata[lane] & ~(15u << shift)) | (uint)(first | second << 2) << shift;
            }
        }
        Place a = bits == 16
            ? (lane, i) => (i % 4 < 2 ? lane / 4 : lane / 4 + 8, lane % 4 * 2 + i % 2 + (i < 4 ? 0 : 8))
            : (lane, i) => (i % 8 < 4 ? lane / 4 : lane / 4 + 8, lane % 4 * 4 + i % 4 + (i < 8 ? 0 : 16));
        Place b = bits == 16
            ? (lane, i) => (lane % 4 * 2 + i % 2 + i / 2 * 8, lane / 4)
            : (lane, i) => (lane % 4 * 4 + i % 4 + i / 4 * 16, lane / 4);
        double[,] right = Matrix(k, 8, type), start = Matrix(16, 8, sums);
        double[,] actual = Run($"mma.sp.sync.aligned.m16n8k{k}.row.col.{sums}.{type}.{type}.{sums}", 16, bits, a, b, type, type, sums, held, right, start, metadata, selector);
        Compare(whole, right, start, actual, (x, y) => x * y, sums);
    }

    /// <summary>Of the figures of sparse metadata.</summary>
    private static (int Lane, int Shift) MetadataPlace(int k, int bits, int selector, int row, int group)
    {
        int quad = row % 8 * 4, half = row < 8 ? 0 : 16;
        if (bits == 16 && k == 16) return (quad + selector, half + 4 * group);
        if (bits == 16) return (quad + 2 * selector + (group < 4 ? 0 : 1), half + 4 * (group % 4));
        return (quad + (row < 8 ? 0 : 1) + (group < 8 ? 0 : 2), 4 * (group % 8));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(4, false)]
    [InlineData(4, true)]
    public void Matrices_from_shared_memory(int count, bool transposed)
    {
        string registers = string.Join(", ", Enumerable.Range(0, count).Select(i => $"%r{10 + i}"));
        string stores = string.Concat(Enumerable.Range(0, count).Select(i => $"st.global.u32 [%rd3+{i * 4}], %r{10 + i};\n"));
        PtxEntry entry = Kernels.Inline(".shared .align 16 .b8 s[512];", $$"""
            ld.param.u64 %rd1, [in];
            ld.param.u64 %rd2, [out];
            mov.u32 %r1, %tid.x;
            mul.wide.u32 %rd3, %r1, 16;
            add.s64 %rd1, %rd1, %rd3;
            add.s64 %rd3, %rd2, %rd3;
            ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd1];
            shl.b32 %r6, %r1, 4;
            mov.u32 %r7, s;
            add.u32 %r6, %r6, %r7;
            st.shared.v4.u32 [%r6], {%r2, %r3, %r4, %r5};
            bar.sync 0;
            ldmatrix.sync.aligned.m8n8.x{{count}}{{(transposed ? ".trans" : "")}}.shared.b16 {{{registers}}}, [%r6];
            {{stores}}
            """);
        ushort[] rows = [.. Enumerable.Range(0, 256).Select(i => (ushort)(i * 257))];
        var device = new PtxDevice();
        PtxBuffer result = device.Allocate(512, "out");
        device.Launch(entry, 1, 32, 0, device.Upload<ushort>("in", rows), result).Check();
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < count; i++)
            {
                byte[] bytes = new byte[4];
                result.Download(bytes, lane * 16 + i * 4);
                for (int h = 0; h < 2; h++)
                {
                    (int row, int column) = (lane / 4, lane % 4 * 2 + h);
                    if (transposed) (row, column) = (column, row);
                    Assert.Equal(rows[(i * 8 + row) * 8 + column], BitConverter.ToUInt16(bytes, 2 * h));
                }
            }
        }
    }

    private static void Check(string instruction, int m, int k, int bits, Place a, Place b, string ta, string tb, string sums, Func<double, double, double>? product = null)
    {
        double[,] left = Matrix(m, k, ta), right = Matrix(k, 8, tb), start = Matrix(m, 8, sums);
        Compare(left, right, start, Run(instruction, m, bits, a, b, ta, tb, sums, left, right, start, null, 0), product ?? ((x, y) => x * y), sums);
    }

    private static void Compare(double[,] left, double[,] right, double[,] start, double[,] actual, Func<double, double, double> product, string sums)
    {
        for (int row = 0; row < start.GetLength(0); row++)
        {
            for (int column = 0; column < 8; column++)
            {
                double sum = start[row, column];
                for (int i = 0; i < left.GetLength(1); i++) sum += product(left[row, i], right[i, column]);
                Assert.Equal(sum, actual[row, column], sums == "f16" ? 0.02 : sums == "f32" ? 1e-4 : 0);
            }
        }
    }

    private static double[,] Run(string instruction, int m, int bits, Place a, Place b, string ta, string tb, string sums, double[,] left, double[,] right, double[,] start, uint[]? metadata, int selector)
    {
        int per = 32 / bits, ra = left.Length / per / 32, rb = right.Length / per / 32, rc = sums == "f16" ? m / 8 : m / 4;
        int words = ra + rb + rc + 1;
        uint[] input = new uint[32 * words];
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < ra * per; i++) Put(input, lane * words, i, bits, Encode(ta, At(left, a(lane, i))));
            for (int i = 0; i < rb * per; i++) Put(input, lane * words + ra, i, bits, Encode(tb, At(right, b(lane, i))));
            for (int i = 0; i < m / 4; i++) Put(input, lane * words + ra + rb, i, sums == "f16" ? 16 : 32, Encode(sums, At(start, AccumulatorOf(m)(lane, i))));
            input[lane * words + words - 1] = metadata?[lane] ?? 0;
        }
        string loads = string.Concat(Enumerable.Range(0, words).Select(i => $"ld.global.u32 %r{10 + i}, [%rd1+{i * 4}];\n"));
        string stores = string.Concat(Enumerable.Range(0, rc).Select(i => $"st.global.u32 [%rd2+{i * 4}], %r{40 + i};\n"));
        string sparse = metadata == null ? "" : $", %r{10 + words - 1}, {selector}";
        PtxEntry entry = Kernels.Inline("", $$"""
            ld.param.u64 %rd1, [in];
            ld.param.u64 %rd2, [out];
            mov.u32 %r1, %laneid;
            mul.wide.u32 %rd3, %r1, {{words * 4}};
            add.s64 %rd1, %rd1, %rd3;
            mul.wide.u32 %rd3, %r1, {{rc * 4}};
            add.s64 %rd2, %rd2, %rd3;
            {{loads}}
            {{instruction}} {{{Names(40, rc)}}}, {{{Names(10, ra)}}}, {{{Names(10 + ra, rb)}}}, {{{Names(10 + ra + rb, rc)}}}{{sparse}};
            {{stores}}
            """);
        var device = new PtxDevice();
        PtxBuffer result = device.Allocate(32 * rc * 4, "out");
        device.Launch(entry, 1, 32, 0, device.Upload<uint>("in", input), result).Check();
        uint[] output = result.Download<uint>(32 * rc);
        double[,] actual = new double[m, 8];
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < m / 4; i++)
            {
                (int row, int column) = AccumulatorOf(m)(lane, i);
                uint word = output[lane * rc + (sums == "f16" ? i / 2 : i)];
                actual[row, column] = sums switch
                {
                    "f16" => (double)BitConverter.UInt16BitsToHalf((ushort)(word >> (16 * (i % 2)))),
                    "f32" => BitConverter.UInt32BitsToSingle(word),
                    _ => (int)word,
                };
            }
        }
        return actual;
    }

    private static string Names(int first, int count) => string.Join(", ", Enumerable.Range(first, count).Select(i => $"%r{i}"));

    private static double At(double[,] matrix, (int Row, int Column) place) => matrix[place.Row, place.Column];

    private static void Put(uint[] words, int first, int index, int bits, uint value)
    {
        int at = index * bits;
        words[first + at / 32] |= (bits == 32 ? value : value & ((1u << bits) - 1)) << (at % 32);
    }

    private static double[,] Matrix(int rows, int columns, string type)
    {
        double[,] matrix = new double[rows, columns];
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) matrix[r, c] = Value(type);
        return matrix;
    }

    private static double Value(string type) => type switch
    {
        "f16" or "bf16" or "tf32" or "f32" => Values.Next(-64, 65) / 32.0,
        "s8" => Values.Next(-128, 128),
        "u8" => Values.Next(256),
        "s4" => Values.Next(-8, 8),
        "b1" => Values.Next(2),
        _ => Values.Next(-1000, 1000),
    };

    private static uint Encode(string type, double value) => type switch
    {
        "f16" => BitConverter.HalfToUInt16Bits((Half)value),
        "bf16" => BitConverter.SingleToUInt32Bits((float)value) >> 16,
        "f32" or "tf32" => BitConverter.SingleToUInt32Bits((float)value),
        _ => (uint)(int)value,
    };
}
