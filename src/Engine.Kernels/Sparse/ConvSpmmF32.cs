using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Convolution in f32 on plain tensors with a weight of which any entries are zero: its rows [M, C · taps] are the columns of <see cref="SpmmF32"/>, and pixels lie in the lanes, as channels store
/// them. An entry is one broadcast and a multiply-add with memory a vector of pixels; nothing is transposed.
/// <para>Every tap of a channel is a run of pixels at an address of its own: pictures are padded once, and cut apart by the remainders that strides leave. A block of 64 channels' taps of 128 pixels is
/// copied together, so that loads are aligned and stay in the first-level cache while all outputs read them. Pixels in the padding between rows are computed and not stored.</para>
/// </summary>
public sealed unsafe class ConvSpmmF32
{
    // Pairs of outputs of a unit: their sums stay in the second-level cache.
    private const int MostPairs = 256, LeastPairs = 16, UnitsPerThread = 4;

    private readonly ConvShape _shape;
    private readonly Axis _d, _h, _w;

    // Where the pixels of a tap begin, from those of its channel.
    private readonly int[] _taps;

    // Floats of a channel, and pixels from the first output to behind the last.
    private readonly int _channel, _pixels;

    // Whether the input is as the kernel wants it.
    private readonly bool _direct;

    /// <summary>A convolution without groups.</summary>
    public ConvSpmmF32(in ConvShape s)
    {
        (_shape, _d, _h, _w) = (s, new(s.Window.D), new(s.Window.H), new(s.Window.W));
        int plane = Checked.Int(Checked.Mul(_d.Length, Checked.Mul(_h.Length, _w.Length)));
        _channel = Checked.Int(Checked.Mul(plane, Checked.Mul(_d.Phases, Checked.Mul(_h.Phases, _w.Phases))));
        _pixels = ((s.Window.D.Output - 1) * _h.Length + s.Window.H.Output - 1) * _w.Length + s.Window.W.Output;
        _direct = _d.IsInput && _h.IsInput && _w.IsInput;
        _taps = new int[s.Window.Taps];
        for (int d = 0, t = 0; d < s.Window.D.Kernel; d++)
            for (int h = 0; h < s.Window.H.Kernel; h++)
                for (int w = 0; w < s.Window.W.Kernel; w++, t++)
                {
                    var ((dp, ds), (hp, hs), (wp, ws)) = (_d.Tap(d), _h.Tap(h), _w.Tap(w));
                    _taps[t] = ((dp * _h.Phases + hp) * _w.Phases + wp) * plane + (ds * _h.Length + hs) * _w.Length + ws;
                }
    }

    /// <summary>True for convolutions without groups that compute something.</summary>
    public static bool Supports(in ConvShape s) => s.Group == 1 && s.Batch > 0 && s.OutChannels > 0 && s.Window.Outputs > 0;

    /// <summary>Length of a sum: rows of <see cref="SpmmF32.PackB"/>'s operand, whose columns are output channels.</summary>
    public int Depth => Checked.Int((long)_shape.Channels * _taps.Length);

    /// <summary>Pixels that an output's sums are computed for, blocks of <see cref="SpmmF32.BlockRows"/> whole but for the last.</summary>
    public int Pixels => _pixels;

    /// <summary>Floats of workspace, for padded pictures.</summary>
    public long WorkFloats => _direct ? 0 : Checked.Mul((long)_shape.Batch * _shape.Channels, _channel);

    /// <summary>Runs the convolution on a tier of <see cref="SpmmF32.Table"/>; <paramref name="bias"/> may be null, and <paramref name="work"/> where there is none.</summary>
    public void Run(SpmmF32.BlockFn tier, Workers workers, float* x, byte* packed, float* bias, float* y, float* work, in StoreEpilogue epilogue)
    {
        var s = _shape;
        if (!_direct)
        {
            int planes = Checked.Int((long)s.Batch * s.Channels);
            workers.For(planes, Math.Max(1, 32768 / Math.Max(1, _channel)), new PadBody(this, x, work));
            x = work;
        }
        int blocks = (_pixels + SpmmF32.BlockRows - 1) / SpmmF32.BlockRows, pairs = SpmmF32.ColumnPairs(s.OutChannels), pictures = s.Batch * blocks;
        // Each part of the outputs copies the pixels again: no more than there is work for.
        int wanted = workers.Threads == 1 ? 1 : (UnitsPerThread * workers.Threads + pictures - 1) / pictures;
        int perUnit = Math.Clamp((pairs + wanted - 1) / wanted, LeastPairs, MostPairs), parts = (pairs + perUnit - 1) / perUnit, units = Checked.Int((long)pictures * parts);
        double products = (double)pictures * SpmmF32.BlockRows * SpmmF32.PackedEntries(packed, Depth, s.OutChannels);
        workers.For(units, (int)Math.Clamp((1 << 19) * (double)units / Math.Max(1, products), 1, units), new Body(this, tier, blocks, perUnit, parts, x, packed, bias, y, epilogue));
    }

    /// <summary>One axis of the padded pictures: index i of remainder p is input i · stride + p − pad.</summary>
    private readonly struct Axis(WindowDim d)
    {
        /// <summary>Remainders that taps have.</summary>
        public int Phases => (int)Math.Min(d.Stride, (d.Kernel - 1L) * d.Dilation + 1);

        /// <summary>Indices of a remainder.</summary>
        public int Length => Checked.Int(d.Output + (d.Kernel - 1L) * d.Dilation / d.Stride);

        /// <summary>True where the input itself is all there is.</summary>
        public bool IsInput => d.Stride == 1 && d.Pad == 0 && Length == d.Input;

        /// <summary>Remainder of a tap, and the index it reads for the first output.</summary>
        public (int Phase, int Shift) Tap(int k) => ((int)((long)k * d.Dilation % d.Stride), (int)((long)k * d.Dilation / d.Stride));

        /// <summary>The input at an index of a remainder; outside of it in the padding.</summary>
        public long Input(int index, int phase) => (long)index * d.Stride + phase - d.Pad;

        /// <summary>The indices [first, end) of a remainder inside the input.</summary>
        public (int First, int End) Inside(int phase)
        {
            long first = Math.Clamp((d.Pad - phase + d.Stride - 1L) / d.Stride, 0, Length), end = d.Input - 1L + d.Pad - phase;
            return ((int)first, (int)(end < 0 ? first : Math.Clamp(end / d.Stride + 1, first, Length)));
        }
    }

    // Rows are short: a call to copy one takes as long as the copy.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, float* to, int count)
    {
        int lanes = Vector<float>.Count, i = 0;
        for (; i <= count - 4 * lanes; i += 4 * lanes)
        {
            Vector<float> a = Vector.Load(from + i), b = Vector.Load(from + i + lanes), c = Vector.Load(from + i + 2 * lanes), d = Vector.Load(from + i + 3 * lanes);
            a.Store(to + i);
            b.Store(to + i + lanes);
            c.Store(to + i + 2 * lanes);
            d.Store(to + i + 3 * lanes);
        }
        for (; i <= count - lanes; i += lanes) Vector.Load(from + i).Store(to + i);
        for (; i < count; i++) to[i] = from[i];
    }

    // Every second float: the lower half of 64 bits. Behind the last one nothing is read.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopySecond(float* from, float* to, int count)
    {
        int lanes = Vector<float>.Count, i = 0;
        for (; BitConverter.IsLittleEndian && i < count - lanes; i += lanes)
            Vector.Narrow(Vector.Load((ulong*)(from + 2 * i)), Vector.Load((ulong*)(from + 2 * i) + lanes / 2)).Store((uint*)to + i);
        for (; i < count; i++) to[i] = from[2 * i];
    }

    /// <summary>Pads channels of pictures.</summary>
    private readonly struct PadBody(ConvSpmmF32 conv, float* x, float* to) : IParallelBody
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            var (d, h, w, s) = (conv._d, conv._h, conv._w, conv._shape.Window);
            for (int plane = start; plane < end; plane++)
            {
                float* from = x + (nint)plane * s.Inputs, row = to + (nint)plane * conv._channel;
                for (int p = 0; p < d.Phases * h.Phases * w.Phases; p++)
                {
                    int wp = p % w.Phases, hp = p / w.Phases % h.Phases, dp = p / w.Phases / h.Phases;
                    var (first, last) = w.Inside(wp);
                    for (int i = 0; i < d.Length; i++)
                        for (int j = 0; j < h.Length; j++, row += w.Length)
                        {
                            long z = d.Input(i, dp), r = h.Input(j, hp);
                            bool inside = z >= 0 && z < s.D.Input && r >= 0 && r < s.H.Input && first < last;
                            int left = inside ? first : w.Length;
                            new Span<float>(row, left).Clear();
                            if (!inside) continue;
                            new Span<float>(row + last, w.Length - last).Clear();
                            float* line = from + ((nint)z * s.H.Input + (nint)r) * s.W.Input + (nint)w.Input(first, wp);
                            if (s.W.Stride == 1) Copy(line, row + first, last - first);
                            else if (s.W.Stride == 2) CopySecond(line, row + first, last - first);
                            else for (int k = first; k < last; k++, line += s.W.Stride) row[k] = *line;
                        }
                }
            }
        }
    }

    /// <summary>Units: a picture's block of pixels by a part of the outputs.</summary>
    private readonly struct Body(ConvSpmmF32 conv, SpmmF32.BlockFn tier, int pixelBlocks, int perUnit, int parts, float* x, byte* packed, float* bias, float* y, StoreEpilogue epilogue) : IParallelBody
    {
        // Rows of pixels that a block has parts of, at most.
        private const int MostRuns = SpmmF32.BlockRows;

        public void Run(int start, int end)
        {
            var s = conv._shape;
            int depth = conv.Depth, blocks = SpmmF32.Blocks(depth), pairs = SpmmF32.ColumnPairs(s.OutChannels);
            byte* records = SpmmF32.RecordsOf(packed, depth, s.OutChannels);
            float* block = (float*)Scratch.Get(sizeof(float) * (SpmmF32.BlockLength + 2L * perUnit * SpmmF32.BlockRows)), sums = block + SpmmF32.BlockLength;
            new Span<float>(block + SpmmF32.BlockDepth * SpmmF32.BlockRows, SpmmF32.BlockRows).Clear();
            (int From, int Length)* runs = stackalloc (int, int)[MostRuns];
            for (int unit = start; unit < end; unit++)
            {
                // Blocks of pixels one after the other, so that a part of the weights stays in the cache.
                int pixel = unit % pixelBlocks * SpmmF32.BlockRows, part = unit / pixelBlocks % parts, picture = unit / pixelBlocks / parts;
                int first = part * perUnit, count = Math.Min(perUnit, pairs - first), pixels = Math.Min(SpmmF32.BlockRows, conv._pixels - pixel);
                float* image = x + (nint)picture * s.Channels * conv._channel + pixel;
                if (blocks == 0) new Span<float>(sums, 2 * count * SpmmF32.BlockRows).Clear();
                for (int b = 0; b < blocks; b++)
                {
                    Gather(image, b * SpmmF32.BlockDepth, Math.Min(SpmmF32.BlockDepth, depth - b * SpmmF32.BlockDepth), pixels, block);
                    tier(block, pixels, records, (int*)packed + (nint)b * pairs + first, count, sums, b > 0);
                }
                Store(sums, picture, pixel, pixels, 2 * first, Math.Min(2 * count, s.OutChannels - 2 * first), runs);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Gather(float* image, int first, int depth, int pixels, float* block)
        {
            var taps = conv._taps;
            var (channel, tap) = Math.DivRem(first, taps.Length);
            float* from = image + (nint)channel * conv._channel;
            int rest = (int)Checked.AlignUp(pixels, SpmmF32.BlockRows / 2) - pixels;
            for (int i = 0; i < depth; i++, block += SpmmF32.BlockRows)
            {
                Copy(from + taps[tap], block, pixels);
                // Vectors are whole.
                if (rest > 0) new Span<float>(block + pixels, rest).Clear();
                if (++tap < taps.Length) continue;
                tap = 0;
                from += conv._channel;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Store(float* sums, int picture, int pixel, int pixels, int output, int outputs, (int From, int Length)* runs)
        {
            var s = conv._shape;
            int count = Runs(pixel, pixels, runs, out int first, out int length);
            for (int j = output; j < output + outputs; j++, sums += SpmmF32.BlockRows)
            {
                nint at = ((nint)picture * s.OutChannels + j) * s.Window.Outputs + first;
                float* to = y + at;
                for (int r = 0, done = 0; r < count; done += runs[r++].Length) Copy(sums + runs[r].From, to + done, runs[r].Length);
                var values = new Span<float>(to, length);
                if (bias is not null) BinaryLoop.Simd(default(AddOp), values, bias[j], values);
                if (epilogue.Count > 0) epilogue.Apply(at, values);
            }
        }

        // Which pixels are outputs: they follow one another there. The first one, and how many.
        private int Runs(int pixel, int pixels, (int From, int Length)* runs, out int first, out int length)
        {
            var window = conv._shape.Window;
            int count = 0;
            (first, length) = (0, 0);
            for (int i = 0; i < pixels;)
            {
                var (row, column) = Math.DivRem(pixel + i, conv._w.Length);
                var (slice, line) = Math.DivRem(row, conv._h.Length);
                int left = Math.Min(pixels - i, conv._w.Length - column), used = line < window.H.Output ? Math.Min(left, window.W.Output - column) : 0;
                if (used > 0)
                {
                    if (length == 0) first = (slice * window.H.Output + line) * window.W.Output + column;
                    if (count > 0 && runs[count - 1] is var last && last.From + last.Length == i) runs[count - 1].Length += used;
                    else runs[count++] = (i, used);
                    length += used;
                }
                i += left;
            }
            return count;
        }
    }
}
