using System.Numerics;
using Engine.Tensors;

namespace Engine.Kernels;

public sealed unsafe partial class ConvBinary
{
    private const int Alignment = 64;

    /// <summary>Bytes of packed weights: the panels, and bases for every way in which windows reach out.</summary>
    public long PackedBytes => Checked.Add(BasesOffset, Checked.Mul(sizeof(int), Checked.Mul(PaddedColumns, Checked.Mul(_reachH.KindCount, _reachW.KindCount))));

    /// <summary>Names what <see cref="Pack"/> makes: equal for convolutions that can share packed weights.</summary>
    public string Form => $"{GemmBinary.Table.Stem} {_layout.StepBits} {_s.Channels}/{_s.Group} {_reachH} {_reachW}";

    private int Depth => Checked.Int(Checked.Mul(_s.Window.Taps, _groupWords));

    private nint PanelBytes => (nint)Checked.Mul(Depth, _layout.WordBytes);

    private int PaddedColumns => Checked.Int(Checked.Mul(Checked.Mul(_s.Group, _panelsOfGroup), Columns));

    private nint BasesOffset => (nint)Checked.AlignUp(Checked.Mul(Checked.Mul(_s.Group, _panelsOfGroup), PanelBytes), Alignment);

    /// <summary>Packs the weights: the words of <see cref="Binary"/> for [M, C / group, kH, kW], a row ⌈C / group · kH · kW / 64⌉ words whose surplus bits are zero.</summary>
    public void Pack(ReadOnlySpan<ulong> weights, Span<byte> packed)
    {
        packed[..checked((int)PackedBytes)].Clear();
        int taps = _s.Window.Taps, channels = _s.GroupChannels, rowWords = WordsOf(Checked.Int(Checked.Mul(channels, taps)));
        var row = new ulong[Depth];
        var counts = new int[taps];
        fixed (byte* to = packed)
            for (int m = 0; m < _s.OutChannels; m++)
            {
                var (group, column) = Math.DivRem(m, _s.GroupOutChannels);
                Array.Clear(row);
                var from = weights.Slice(m * rowWords, rowWords);
                for (int c = 0, k = 0; c < channels; c++)
                    for (int t = 0; t < taps; t++, k++) row[t * _groupWords + c / 64] |= (from[k / 64] >> (k % 64) & 1) << (c % 64);
                int panel = group * _panelsOfGroup + column / Columns;
                for (int i = 0; i < row.Length; i++) _layout.Put(row[i], i, column % Columns, to + panel * PanelBytes);
                for (int t = 0; t < taps; t++)
                {
                    counts[t] = 0;
                    for (int i = 0; i < _groupWords; i++) counts[t] += BitOperations.PopCount(row[t * _groupWords + i]);
                }
                PutBases(counts, (int*)(to + BasesOffset) + panel * Columns + column % Columns);
            }
    }

    // Over taps inside there are so many signs; bits 0 of the others meet the weights' bits, which are counted twice too often.
    private void PutBases(int[] counts, int* to)
    {
        for (int i = 0; i < _reachH.KindCount; i++)
            for (int j = 0; j < _reachW.KindCount; j++, to += PaddedColumns)
            {
                var (top, bottom) = _reachH.Of(i);
                var (left, right) = _reachW.Of(j);
                int sum = 0;
                for (int h = 0; h < _h.Kernel; h++)
                    for (int w = 0; w < _w.Kernel; w++) sum += h >= top && h < bottom && w >= left && w < right ? _s.GroupChannels : 2 * counts[h * _w.Kernel + w];
                *to = sum;
            }
    }

    /// <summary>Ways in which the windows along an axis reach out: their taps [first, end) inside the input.</summary>
    private sealed class Reach
    {
        private readonly List<(int First, int End)> _kinds = [];

        public Reach(WindowDim w)
        {
            Length = Checked.Int(Checked.Mul(w.Output - 1, w.Stride) + Checked.Mul(w.Kernel - 1, w.Dilation) + 1);
            IsInside = w.Pad == 0 && Length <= w.Input;
            Kinds = new int[w.Output];
            for (int o = 0; o < w.Output; o++)
            {
                w.Taps(o, out int first, out int end);
                int kind = _kinds.IndexOf((first, end));
                if (kind < 0)
                {
                    kind = _kinds.Count;
                    _kinds.Add((first, end));
                }
                Kinds[o] = kind;
            }
        }

        /// <summary>Inputs from the first to the last that a window reaches.</summary>
        public int Length { get; }

        /// <summary>Whether no window reaches out.</summary>
        public bool IsInside { get; }

        /// <summary>The kind of each output.</summary>
        public int[] Kinds { get; }

        public int KindCount => _kinds.Count;

        public (int First, int End) Of(int kind) => _kinds[kind];

        public override string ToString() => string.Join(' ', _kinds.Select(k => $"{k.First}-{k.End}"));
    }
}
