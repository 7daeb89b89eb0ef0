using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>
/// Convolution of 8-bit codes x [N, C, …] with weights [M, C / group, …], exact in 32 bits; padding stands for the value 0, which is
/// the zero point. Weights are i16 rows (<see cref="GemmInt8.PackA"/>); inputs of 16 output positions at a time are gathered
/// into a panel, and tiles go to the epilogue as [N · M, positions].
/// </summary>
public sealed unsafe class ConvInt8
{
    private readonly Window3 _window;
    private readonly int _batch, _channels, _outputs, _group, _taps, _inputPlane, _positions, _k;

    /// <summary>Fixes the geometry.</summary>
    public ConvInt8(ConvShape s)
    {
        (_batch, _channels, _outputs, _group, _window) = (s.Batch, s.Channels, s.OutChannels, s.Group, s.Window);
        (_taps, _inputPlane, _positions) = (_window.Taps, _window.Inputs, _window.Outputs);
        _k = Checked.Int(Checked.Mul(s.GroupChannels, _taps));
    }

    /// <summary>Length of the sums.</summary>
    public int K => _k;

    /// <summary>Output positions of one channel.</summary>
    public int Positions => _positions;

    /// <summary>Shorts of packed weights.</summary>
    public long PackedLength => Checked.Mul(_outputs, GemmInt8.Padded(_k));

    /// <summary>Widens the weights [M, k]; <paramref name="zeros"/> holds no, one or M zero points.</summary>
    public void Pack(ReadOnlySpan<byte> weights, bool signed, ReadOnlySpan<int> zeros, Span<short> packed) =>
        GemmInt8.PackA(weights, signed, zeros, 0, _outputs, _k, _k, 1, packed);

    /// <summary>Runs the convolution.</summary>
    public void Run<TStore>(Workers workers, byte* x, bool signed, int zero, short* packed, in TStore store) where TStore : struct, ITileStore
    {
        if (_positions == 0 || _batch == 0 || _outputs == 0) return;
        int panels = (_positions + 15) / 16, tiles = _group * ((_outputs / _group + GemmInt8.TileRows - 1) / GemmInt8.TileRows);
        // With few positions the channels are split too, by shape alone; each split gathers its panel again.
        int splits = Math.Clamp(16 / Math.Max(1, _batch * panels), 1, tiles);
        double work = 16.0 * _outputs * _k / splits;
        workers.For(Checked.Int(Checked.Mul(Checked.Mul(_batch, panels), splits)), (int)Math.Clamp(65536 / Math.Max(1, work), 1, 1024), new Body<TStore>(this, x, signed, zero, packed, store, panels, tiles, splits));
    }

    private readonly struct Body<TStore>(ConvInt8 conv, byte* x, bool signed, int zero, short* weights, TStore store, int panels, int tiles, int splits) : IParallelBody where TStore : struct, ITileStore
    {
        public void Run(int start, int end)
        {
            var tile = GemmInt8.Table.Best;
            int width = GemmInt8.Padded(conv._k), perGroup = conv._outputs / conv._group, tilesOfGroup = tiles / conv._group;
            byte* scratch = Scratch.Get(64L * conv._taps + 32L * width);
            int* offsets = (int*)scratch;
            short* panel = (short*)(scratch + 64L * conv._taps);
            int* sums = stackalloc int[GemmInt8.TileRows * GemmInt8.TileColumns];
            short* row16 = stackalloc short[16];
            for (int unit = start; unit < end; unit++)
            {
                int split = unit % splits, at = unit / splits % panels, n = unit / splits / panels, gathered = -1;
                conv.Offsets(at * 16, offsets);
                int last = (int)((long)tiles * (split + 1) / splits);
                for (int t = (int)((long)tiles * split / splits); t < last; t++)
                {
                    int g = t / tilesOfGroup, row = t % tilesOfGroup * GemmInt8.TileRows, channel = g * perGroup + row, rows = Math.Min(GemmInt8.TileRows, perGroup - row);
                    if (gathered != g) conv.Gather(x + ((long)n * conv._channels + g * (conv._channels / conv._group)) * conv._inputPlane, signed, zero, offsets, row16, panel);
                    gathered = g;
                    tile(weights + (nint)channel * width, width, rows, panel, width / 2, sums);
                    store.Store(sums, GemmInt8.TileColumns, n * conv._outputs + channel, channel, rows, at * 16, Math.Min(16, conv._positions - at * 16));
                }
            }
        }
    }

    // For every tap, the input offsets of 16 output positions; −1 where the tap lies in the padding or the position past the end.
    private void Offsets(int first, int* offsets)
    {
        var (d, h, w) = (_window.D, _window.H, _window.W);
        for (int j = 0; j < 16; j++)
        {
            int p = first + j, x = p % w.Output, y = p / w.Output % h.Output, z = p / w.Output / h.Output, t = 0;
            for (int kd = 0; kd < d.Kernel; kd++)
                for (int kh = 0; kh < h.Kernel; kh++)
                    for (int kw = 0; kw < w.Kernel; kw++, t++)
                    {
                        long id = d.Start(z) + (long)kd * d.Dilation, ih = h.Start(y) + (long)kh * h.Dilation, iw = w.Start(x) + (long)kw * w.Dilation;
                        bool inside = p < _positions && (ulong)id < (ulong)d.Input && (ulong)ih < (ulong)h.Input && (ulong)iw < (ulong)w.Input;
                        offsets[16 * t + j] = inside ? (int)((id * h.Input + ih) * w.Input + iw) : -1;
                    }
        }
    }

    private void Gather(byte* x, bool signed, int zero, int* offsets, short* row16, short* panel)
    {
        int c = 0, t = 0;
        for (int k = 0; k < _k; k += 2, panel += 32)
        {
            var even = Row(x + (long)c * _inputPlane, signed, zero, offsets + 16 * t, row16);
            if (++t == _taps) (t, c) = (0, c + 1);
            var odd = Vector256<short>.Zero;
            if (k + 1 < _k)
            {
                odd = Row(x + (long)c * _inputPlane, signed, zero, offsets + 16 * t, row16);
                if (++t == _taps) (t, c) = (0, c + 1);
            }
            var (el, eh) = Vector256.Widen(even);
            var (ol, oh) = Vector256.Widen(odd);
            (el & Vector256.Create(0xFFFF) | ol << 16).Store((int*)panel);
            (eh & Vector256.Create(0xFFFF) | oh << 16).Store((int*)(panel + 16));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Row(byte* x, bool signed, int zero, int* offsets, short* row16)
    {
        if (Consecutive(offsets))
        {
            var v = Vector128.Load(x + *offsets);
            if (signed)
            {
                var (low, high) = Vector128.Widen(v.AsSByte());
                return Vector256.Create(low, high) - Vector256.Create((short)zero);
            }
            var (ulow, uhigh) = Vector128.Widen(v);
            return Vector256.Create(ulow, uhigh).AsInt16() - Vector256.Create((short)zero);
        }
        for (int j = 0; j < 16; j++) row16[j] = offsets[j] < 0 ? (short)0 : (short)((signed ? (sbyte)x[offsets[j]] : x[offsets[j]]) - zero);
        return Vector256.Load(row16);
    }

    // 16 inputs side by side: the last is 15 behind the first, and none is padding (a tap's inputs only rise).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Consecutive(int* offsets) => Vector512.EqualsAll(Vector512.Load(offsets), Vector512.Create(offsets[0]) + Vector512<int>.Indices) && offsets[0] >= 0;
}
