using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests;

/// <summary>Bit-sliced convolutions of signs, and the kernels that move planes.</summary>
internal static unsafe class SlicedProperties
{
    private const int Plane = BitPlanes.PlaneBytes, Pixels = BitPlanes.BlockPixels;

    public static IEnumerable<KernelProperty> All =>
    [
        new(BitTranspose.Table, 200, Transposes), new(ConvBinaryFr.Table, 60, o => Units(o, ConvBinaryFr.Table, SlicedExecution.Fr)), new(ConvBinaryMst.Table, 60, o => Units(o, ConvBinaryMst.Table, SlicedExecution.Mst)),
        new(PlaneSums.Table, 300, Sums), new(PlaneTaps.Table, 300, Taps),
    ];

    private static byte* Bits(Operands o, int bytes)
    {
        byte* x = o.Take<byte>(bytes);
        o.Random.NextBytes(new Span<byte>(x, bytes));
        return x;
    }

    private static void AssertSame(string what, byte* expected, byte* actual, int bytes)
    {
        int at = new ReadOnlySpan<byte>(expected, bytes).CommonPrefixLength(new(actual, bytes));
        Assert.True(at == bytes, $"{what}: byte {at} of {bytes}");
    }

    private static void Transposes(Operands o)
    {
        int bytes = BitTranspose.Size * Plane;
        byte* x = Bits(o, bytes), expected = o.Take<byte>(bytes);
        for (int i = 0; i < 8; i++)
            for (int r = 0; r < 64; r++)
                for (int c = 0; c < 64; c++) ((ulong*)expected)[c * 8 + i] |= (((ulong*)x)[r * 8 + i] >> c & 1) << r;
        foreach (string tier in BitTranspose.Table.SupportedTiers)
        {
            byte* y = o.Copy(x, bytes);
            BitTranspose.Table[tier](y);
            AssertSame($"bit-transpose {tier}", expected, y, bytes);
        }
    }

    private static void Sums(Operands o)
    {
        int bits = o.Random.Next(1, PlaneSums.MostBits + 1);
        byte* x = Bits(o, bits * Plane);
        int* expected = o.Take<int>(Pixels);
        int count = o.Random.Next(1, 40), start = o.Random.Next(-5, 1 << bits);
        int* classes = o.Take<int>(Pixels), offsets = o.Take<int>((count + 15) / 16 * 16);
        for (int p = 0; p < Pixels; p++) classes[p] = o.Random.Next(count);
        for (int c = 0; c < count; c++) offsets[c] = o.Random.Next(-70000, 70000);
        PlaneSums.Table.Reference(x, bits, start, classes, offsets, count, expected);
        for (int p = 0; p < Pixels; p++)
        {
            int n = 0;
            for (int i = 0; i < bits; i++) n += (x[i * Plane + p / 8] >> (p % 8) & 1) << i;
            Assert.Equal(2 * ((n + start) & ((1 << bits) - 1)) - offsets[classes[p]], expected[p]);
        }
        foreach (string tier in KernelProperty.Fast(PlaneSums.Table))
        {
            int* y = o.Take<int>(Pixels);
            PlaneSums.Table[tier](x, bits, start, classes, offsets, count, y);
            AssertSame($"plane-sums {tier} {bits} bits", (byte*)expected, (byte*)y, 4 * Pixels);
        }
    }

    private static void Taps(Operands o)
    {
        var r = o.Random;
        int channels = r.Next(1, 6), taps = r.Next(1, 10), before = r.Next(0, 40), after = r.Next(0, 40), step = 8 * (before + after) + Plane + 8;
        byte* x = Bits(o, channels * step), masks = Bits(o, taps * Plane);
        long* shifts = o.Take<long>(taps);
        for (int t = 0; t < taps; t++) shifts[t] = r.Next(-64 * before, 64 * after + 64);
        byte* expected = o.Take<byte>(channels * taps * Plane);
        for (int c = 0; c < channels; c++)
            for (int t = 0; t < taps; t++)
                for (int p = 0; p < Pixels; p++)
                {
                    long from = 64 * before + p + shifts[t];
                    int bit = x[c * step + from / 8] >> (int)(from % 8) & masks[t * Plane + p / 8] >> (p % 8) & 1;
                    expected[(c * taps + t) * Plane + p / 8] |= (byte)(bit << (p % 8));
                }
        foreach (string tier in PlaneTaps.Table.SupportedTiers)
        {
            byte* y = o.Take<byte>(channels * taps * Plane);
            PlaneTaps.Table[tier](x + 8 * before, step, channels, shifts, taps, masks, y);
            AssertSame($"plane-taps {tier}", expected, y, channels * taps * Plane);
        }
    }

    // One block, every unit of a program: the signs and the sums that the definition gives.
    private static void Units(Operands o, KernelTable<ConvBinaryFr.Fn> table, SlicedExecution execution)
    {
        var r = o.Random;
        int rows = r.Next(1, 20), columns = r.Next(8) == 0 ? r.Next(500, 1400) : r.Next(1, 200), classes = r.Next(3) == 0 ? 0 : r.Next(1, 12);
        var weight = SlicedOperands.Weight(r, new Shape(rows, columns), r.Next(50, 100));
        var packed = execution == SlicedExecution.Fr ? SlicedProgram.PackFr(weight, 1, r.Next(0, 7)) : SlicedProgram.PackMst(SpanningTree.Of(weight), 1);
        var program = new SlicedProgram(packed);
        byte* planes = Bits(o, (columns + 1) * Plane), masks = o.Take<byte>(classes * Plane);
        new Span<byte>(planes + columns * Plane, Plane).Clear();
        int* ids = o.Take<int>(classes), classOf = o.Take<int>(Pixels);
        for (int p = 0; p < Pixels; p++)
            if (r.Next(classes + 1) is > 0 and var c) masks[(classOf[p] = c) * Plane - Plane + p / 8] |= (byte)(1 << (p % 8));
        int tables = SlicedThresholds.Tables(classes + 1), step = tables * program.Bits, limit = Math.Max(2, columns / 4);
        uint* k = o.Take<uint>(rows * step);
        byte* expected = o.Take<byte>(rows * Plane);
        int[] agree = new int[rows * Pixels], signs = SlicedOperands.Signs(weight);
        for (int i = 0; i < classes; i++) ids[i] = i + 1;
        for (int j = 0; j < rows; j++)
        {
            var thresholds = new int[classes + 1];
            var values = new uint[classes + 1];
            for (int c = 0; c <= classes; c++)
            {
                thresholds[c] = Math.Clamp(columns / 2 + r.Next(-limit, limit), 0, columns + 1);
                values[c] = (uint)(program.Base(j) - thresholds[c]);
            }
            SlicedThresholds.Entries(values, program.Bits, new(k + j * step, step));
            for (int p = 0; p < Pixels; p++)
            {
                int sum = 0;
                for (int i = 0; i < columns; i++) if ((planes[i * Plane + p / 8] >> (p % 8) & 1) != 0 == signs[j * columns + i] < 0) sum++;
                agree[j * Pixels + p] = sum;
                if (sum < thresholds[classOf[p]]) expected[j * Plane + p / 8] |= (byte)(1 << (p % 8));
            }
        }
        byte* planeTables = o.Take<byte>(SlicedThresholds.TableBytes(tables));
        int used = SlicedThresholds.FillTables(new(ids, classes), masks, planeTables);
        byte* work = o.Take<byte>((int)program.WorkBytes), sums = o.Take<byte>(ConvBinaryFr.MostChannels * program.Bits * Plane);
        int* numbers = stackalloc int[Pixels], none = o.Take<int>(Pixels);
        new Span<int>(none, Pixels).Clear();
        foreach (string tier in table.SupportedTiers)
        {
            byte* y = o.Take<byte>(rows * Plane);
            var block = new SlicedBlock { Planes = planes, Work = work, Bits = program.Bits, Thresholds = k, ThresholdStep = step, Tables = tables, UsedTables = used, Numbers = planeTables, Y = y, YStep = Plane, Sums = sums };
            for (int u = 0; u < program.Units; u++) table[tier](block, program.Unit(u));
            AssertSame($"{table.Stem} {tier} {rows}x{columns}", expected, y, rows * Plane);
            var toSums = new SlicedBlock { Planes = planes, Work = work, Bits = program.Bits, Sums = sums };
            for (int u = 0; u < program.Units; u++)
            {
                ushort* unit = program.Unit(u);
                table[tier](toSums, unit);
                var (first, count) = execution == SlicedExecution.Fr ? (unit[1], unit[0]) : (unit[0], 1);
                for (int c = 0; c < count; c++)
                {
                    PlaneSums.Table.Reference(sums + c * program.Bits * Plane, program.Bits, program.Base(first + c), none, none, 1, numbers);
                    for (int p = 0; p < Pixels; p++) numbers[p] /= 2;
                    Assert.True(new ReadOnlySpan<int>(numbers, Pixels).SequenceEqual(agree.AsSpan((first + c) * Pixels, Pixels)), $"{table.Stem} {tier} {rows}x{columns}: sums of row {first + c}");
                }
            }
        }
        GC.KeepAlive(packed);
    }
}
