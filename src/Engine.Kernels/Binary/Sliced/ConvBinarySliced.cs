using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>How a bit-sliced convolution counts.</summary>
public enum SlicedExecution
{
    /// <summary><see cref="ConvBinaryFr"/>.</summary>
    Fr,
    /// <summary><see cref="ConvBinaryMst"/>.</summary>
    Mst,
}

/// <summary>
/// Convolution of signs with weights of signs, bit-sliced: 512 outputs at once, each input of them a bit of a plane. Sums are exact, and padding adds nothing. Inputs are <see cref="BitPlanes"/>
/// of [N, C, H, W], or words with channels innermost, as <see cref="SlicedWindow.FromPlanes"/> says; results are planes, i32 [N, M, H, W], or f32.
/// </summary>
public sealed unsafe class ConvBinarySliced
{
    private const int Plane = BitPlanes.PlaneBytes;

    // Products of signs that are worth a thread: with 512-bit vectors 15 µs.
    private const double Grain = 50_000_000;
    private readonly Tensor _packed;
    private readonly ConvBinaryFr.Fn _unit;
    private readonly bool _splits;
    private Tensor? _offsets;

    /// <summary>Binds weights that <see cref="SlicedProgram.PackFr"/> or <see cref="SlicedProgram.PackMst"/> packed, taps those of the window.</summary>
    public ConvBinarySliced(SlicedWindow window, SlicedExecution execution, Tensor packed)
    {
        (Window, _packed) = (window, packed);
        (_unit, _splits) = execution == SlicedExecution.Fr ? (ConvBinaryFr.Table.Best, true) : (ConvBinaryMst.Table.Best, false);
        var (s, p) = (window.Shape, Program);
        if (p.Rows != s.OutChannels || p.Taps != window.Taps || p.Columns != s.Channels * window.Taps) throw new ArgumentException($"signs [{p.Rows}, {p.Columns}] of {p.Taps} taps are not of {s}", nameof(packed));
    }

    /// <summary>The geometry.</summary>
    public SlicedWindow Window { get; }

    /// <summary>The packed weights.</summary>
    public SlicedProgram Program => new(_packed);

    /// <summary>y, planes of the outputs, by <see cref="SlicedThresholds"/> of this window and program.</summary>
    public void ToPlanes(Workers workers, void* x, uint* thresholds, byte* y) => Run(workers, x, thresholds, y, default(NoSums));

    /// <summary>y[n, m, h, w], the sums.</summary>
    public void ToSums(Workers workers, void* x, int* y) => Run(workers, x, null, null, new PlainSums(y, Window.Shape.OutChannels, Window.Shape.Window.Outputs));

    /// <summary>f32 numbers of the sums, as <paramref name="store"/> makes and places them.</summary>
    public void ToF32(Workers workers, void* x, in AffineStore store) => Run(workers, x, null, null, new AffineSums(store));

    private static int Padded(int classes) => Checked.Int(Checked.AlignUp(classes, PlaneSums.OffsetLanes));

    // What is to be taken from twice the agreeing inputs of a row, in each class of outputs.
    private Tensor Offsets()
    {
        int classes = Padded(Window.Classes);
        var offsets = Tensor.Allocate(DType.I32, new Shape(Checked.Mul(Program.Rows, classes)));
        offsets.Bytes.Clear();
        for (int r = 0; r < Program.Rows; r++)
            for (int c = 0; c < Window.Classes; c++) offsets.Span<int>()[r * classes + c] = Program.Columns + Window.Excess(Program, r, c);
        return offsets;
    }

    private void Run<TSums>(Workers workers, void* x, uint* thresholds, byte* y, TSums sums) where TSums : struct, ISlicedSums
    {
        if (thresholds == null) _offsets ??= Offsets();
        int threads = (int)Math.Clamp((double)BitPlanes.BlockPixels * Window.Blocks * Program.Rows * Program.Columns / Grain, 1, workers.Threads);
        int parts = 1, most = _splits ? Math.Min(8, Program.Units) : 1;
        while (parts < most && Window.Blocks * (long)parts % threads != 0 && Window.Blocks * (long)parts < 32L * threads) parts++;
        int count = Checked.Int(Checked.Mul(Window.Blocks, parts));
        workers.For(count, Math.Max(1, count / threads), new Body<TSums>(this, (byte*)x, thresholds, y, sums, parts, thresholds != null ? null : (int*)_offsets!.Pointer));
    }

    private readonly struct Body<TSums>(ConvBinarySliced conv, byte* x, uint* thresholds, byte* y, TSums sums, int parts, int* offsets) : IParallelBody where TSums : struct, ISlicedSums
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            var (window, program) = (conv.Window, conv.Program);
            var toSums = PlaneSums.Table.Best;
            int tables = SlicedThresholds.Tables(window.Classes);
            long planeBytes = (program.Columns + 1L) * Plane, workBytes = program.WorkBytes, tableBytes = SlicedThresholds.TableBytes(tables), copyBytes = PlaneInputs.WorkBytes(window);
            byte* planes = Scratch.Get(planeBytes + workBytes + tableBytes + Math.Max(copyBytes, (long)ConvBinaryFr.MostChannels * PlaneSums.MostBits * Plane + BitPlanes.BlockPixels * sizeof(int)));
            byte* work = planes + planeBytes, table = work + workBytes, rest = table + tableBytes;
            new Span<byte>(planes + planeBytes - Plane, Plane).Clear();
            int made = -1, used = 1;
            for (int i = start; i < end; i++)
            {
                var (block, part) = Math.DivRem(i, parts);
                if (block != made)
                {
                    PlaneInputs.Make(window, x, block, planes, rest);
                    if (thresholds != null) used = SlicedThresholds.FillTables(window.ClassIds(block), window.ClassMasks(block), table);
                }
                made = block;
                var b = new SlicedBlock
                {
                    Planes = planes,
                    Work = work,
                    Bits = program.Bits,
                    Thresholds = thresholds,
                    ThresholdStep = (nint)tables * program.Bits,
                    Tables = tables,
                    UsedTables = used,
                    Numbers = table,
                    Y = y + (long)block * Plane,
                    YStep = (nint)BitPlanes.ChannelBytes(window.Pixels),
                    Sums = rest,
                };
                int last = (int)((long)program.Units * (part + 1) / parts);
                for (int u = (int)((long)program.Units * part / parts); u < last; u++)
                {
                    ushort* unit = program.Unit(u);
                    conv._unit(b, unit);
                    if (thresholds != null) continue;
                    var (first, count) = conv._splits ? (unit[1], unit[0]) : (unit[0], 1);
                    int pixel = block * BitPlanes.BlockPixels, pixels = Math.Min(BitPlanes.BlockPixels, window.Pixels - pixel);
                    int* numbers = (int*)(rest + ConvBinaryFr.MostChannels * PlaneSums.MostBits * Plane);
                    for (int c = first; c < first + count; c++)
                    {
                        toSums(rest + (c - first) * b.Step, b.Bits, program.Base(c), window.PixelClasses(block), offsets + (nint)c * Padded(window.Classes), window.Classes, numbers);
                        sums.Store(numbers, c, pixel, pixels);
                    }
                }
            }
        }
    }
}
