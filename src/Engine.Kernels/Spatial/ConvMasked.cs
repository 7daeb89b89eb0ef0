using static Engine.Kernels.BlockedSelect;

namespace Engine.Kernels;

/// <summary>
/// Convolution in f32 of some of the input channels to some of the filters, chosen by sample: input, weights, bias and residual of what is kept are gathered to
/// blocks of 16 channels, <see cref="ConvBlocked"/> runs on them as on a smaller layer, and its outputs go back to their channels among zeros. Inputs and outputs are
/// blocked by 16 channels; the weights are those that <see cref="ConvBlocked"/> packs, of all filters.
/// </summary>
public static unsafe class ConvMasked
{
    private const int Block = ConvBlocked.Block, Pair = 2 * Block;

    // Nanoseconds a float of weights or activations that is gathered or spread; see bench/results/zen5-2core/masks.md.
    private const double Weight = 0.35, Moved = 0.12;

    /// <summary>One image and what is kept of it.</summary>
    public struct Sample
    {
        /// <summary>Blocked input.</summary>
        public float* X;

        /// <summary>Weights as <see cref="ConvBlocked.Pack"/> leaves them, of a blocked input.</summary>
        public float* Packed;

        /// <summary>A value a filter, padded to whole pairs of blocks, or null.</summary>
        public float* Bias;

        /// <summary>A blocked tensor of the output's shape that is added, or null.</summary>
        public float* Plus;

        /// <summary>Blocked output.</summary>
        public float* Y;

        /// <summary>Kept filters and input channels, rising.</summary>
        public int* Outputs, Inputs;

        /// <summary>How many they are.</summary>
        public int OutputCount, InputCount;

        /// <summary>True for max(·, 0) before what is dropped becomes 0.</summary>
        public bool Relu;

        internal readonly StoreEpilogue Epilogue(float* plus)
        {
            var e = new StoreEpilogue();
            if (plus is not null) e.Add(plus);
            if (Relu) e.Add(new Activation(ActivationKind.Relu));
            return e;
        }
    }

    /// <summary>True when this kernel computes the shape.</summary>
    public static bool Supports(in ConvShape s) => ConvBlocked.Supports(s);

    /// <summary>Floats of workspace for any numbers of kept channels.</summary>
    public static long WorkFloats(in ConvShape s) => new Layout(s).Total;

    /// <summary>Estimated nanoseconds of a sample on one core whose <see cref="ConvBlocked"/> does so many operations a nanosecond.</summary>
    public static double Nanoseconds(in ConvShape s, int outputs, int inputs, double operations)
    {
        if (outputs == 0) return Moved * s.OutChannels * s.Window.Outputs;
        double m = Up(outputs), c = Up(inputs);
        double moved = (inputs < s.Channels ? c * s.Window.Inputs : 0) + (outputs < s.OutChannels ? (double)Up(s.OutChannels) * s.Window.Outputs : 0);
        return 2 * m * inputs * s.Window.Taps * s.Window.Outputs / operations + Weight * m * c * s.Window.Taps + Moved * moved;
    }

    /// <summary>Runs a sample by what is kept; <paramref name="s"/> has a batch of one.</summary>
    public static void Gathered(ConvBlocked.RowFn row, RowsFn select, Workers workers, in ConvShape s, in Sample a, float* work)
    {
        var at = new Layout(s);
        int outputs = s.Window.Outputs, taps = s.Window.Taps;
        if (a.OutputCount == 0)
        {
            new Span<float>(a.Y, Up(s.OutChannels) * outputs).Clear();
            return;
        }
        // Where nothing is kept of the input, a channel of zeros stands for it.
        var small = s with { Channels = Math.Max(1, a.InputCount), OutChannels = a.OutputCount };
        bool allIn = a.InputCount == s.Channels, allOut = a.OutputCount == s.OutChannels;
        var pieces = (Piece*)(work + at.Pieces);
        int* starts = (int*)(work + at.Starts), source = (int*)(work + at.Source), rows = (int*)(work + at.Rows);
        float* x = a.X, packed = a.Packed, bias = a.Bias, plus = a.Plus, y = a.Y;
        if (!allIn)
        {
            if (a.InputCount == 0) source[0] = -1;
            x = work + at.Input;
            BlockedSelect.Plan(a.InputCount == 0 ? source : a.Inputs, small.Channels, Steps.Blocked(s.Window.Inputs), pieces, starts);
            BlockedSelect.Run(select, workers, a.X, Block, pieces, starts, Blocks(small.Channels), null, s.Window.Inputs, x, Steps.Blocked(s.Window.Inputs));
        }
        if (!allIn || !allOut)
        {
            packed = work + at.Packed;
            for (int b = 0, r = 0; b < Blocks(small.Channels); b++)
                for (int t = 0; t < taps; t++)
                    for (int i = 0; i < Block; i++, r++)
                    {
                        int k = b * Block + i, channel = k >= a.InputCount ? 0 : a.Inputs[k];
                        rows[r] = (channel / Block * taps + t) * Block + channel % Block;
                    }
            BlockedSelect.Plan(a.Outputs, a.OutputCount, Weights(s), pieces, starts);
            BlockedSelect.Run(select, workers, a.Packed, Pair, pieces, starts, Blocks(a.OutputCount), rows, Blocks(small.Channels) * taps * Block, packed, Weights(small));
        }
        if (!allOut)
        {
            if (bias is not null)
            {
                bias = work + at.Bias;
                new Span<float>(bias, ConvBlocked.BiasLength(small)).Clear();
                for (int i = 0; i < a.OutputCount; i++) bias[i] = a.Bias[a.Outputs[i]];
            }
            if (plus is not null)
            {
                plus = work + at.Plus;
                BlockedSelect.Plan(a.Outputs, a.OutputCount, Steps.Blocked(outputs), pieces, starts);
                BlockedSelect.Run(select, workers, a.Plus, Block, pieces, starts, Blocks(a.OutputCount), null, outputs, plus, Steps.Blocked(outputs));
            }
            y = work + at.Output;
        }
        ConvBlocked.Run(row, workers, small, false, x, packed, bias, y, work + at.Conv, a.Epilogue(plus));
        if (allOut) return;
        new Span<int>(source, s.OutChannels).Fill(-1);
        for (int i = 0; i < a.OutputCount; i++) source[a.Outputs[i]] = i;
        BlockedSelect.Plan(source, s.OutChannels, Steps.Blocked(outputs), pieces, starts);
        BlockedSelect.Run(select, workers, y, Block, pieces, starts, Blocks(s.OutChannels), null, outputs, a.Y, Steps.Blocked(outputs));
    }

    /// <summary>
    /// Runs a sample with all filters, then makes what is dropped 0; dropped inputs are read as 0. <paramref name="winograd"/> are weights for <see cref="ConvWinograd"/>, or null for
    /// <see cref="ConvBlocked"/>; <paramref name="denseWork"/> is the workspace of either, <paramref name="work"/> that of <see cref="Gathered"/>.
    /// </summary>
    public static void Masked(ConvBlocked.RowFn row, RowsFn select, Workers workers, in ConvShape s, in Sample a, float* winograd, float* denseWork, float* work)
    {
        var at = new Layout(s);
        float* x = a.X;
        if (a.InputCount < s.Channels)
        {
            x = work + at.Input;
            Zero(select, workers, a.Inputs, a.InputCount, s.Channels, s.Window.Inputs, a.X, x, at, work);
        }
        if (winograd is null) ConvBlocked.Run(row, workers, s, false, x, a.Packed, a.Bias, a.Y, denseWork, a.Epilogue(a.Plus));
        else ConvWinograd.Run(workers, s, x, winograd, a.Bias, a.Y, denseWork, a.Epilogue(a.Plus));
        if (a.OutputCount < s.OutChannels) Zero(select, workers, a.Outputs, a.OutputCount, s.OutChannels, s.Window.Outputs, a.Y, a.Y, at, work);
    }

    private static void Zero(RowsFn select, Workers workers, int* kept, int count, int channels, int pixels, float* x, float* y, in Layout at, float* work)
    {
        var pieces = (Piece*)(work + at.Pieces);
        int* starts = (int*)(work + at.Starts), source = (int*)(work + at.Source);
        new Span<int>(source, channels).Fill(-1);
        for (int i = 0; i < count; i++) source[kept[i]] = kept[i];
        BlockedSelect.Plan(source, channels, Steps.Blocked(pixels), pieces, starts);
        BlockedSelect.Run(select, workers, x, Block, pieces, starts, Blocks(channels), null, pixels, y, Steps.Blocked(pixels));
    }

    private static int Blocks(int channels) => (channels + Block - 1) / Block;

    private static int Up(int channels) => Blocks(channels) * Block;

    // Where the blocks of filters lie in packed weights; a row is an input channel's tap.
    private static Steps Weights(in ConvShape s) => new((nint)Up(s.Channels) * s.Window.Taps * Pair, Block, Pair);

    /// <summary>Places in the workspace, in floats.</summary>
    private readonly struct Layout
    {
        public readonly long Pieces, Starts, Source, Rows, Input, Packed, Bias, Plus, Output, Conv, Total;

        public Layout(in ConvShape s)
        {
            int most = Math.Max(Up(s.Channels), Up(s.OutChannels));
            long at = 0;
            long Next(long floats)
            {
                long here = at;
                at = Tensors.Checked.AlignUp(Tensors.Checked.Add(at, floats), Block);
                return here;
            }
            Pieces = Next(Tensors.Checked.Mul(most, sizeof(Piece) / sizeof(float)));
            Starts = Next(most / Block + 1);
            Source = Next(most);
            Rows = Next(Tensors.Checked.Mul(Up(s.Channels), s.Window.Taps));
            Input = Next(Tensors.Checked.Mul(Up(s.Channels), s.Window.Inputs));
            Packed = Next(ConvBlocked.PackedLength(s, false));
            Bias = Next(ConvBlocked.BiasLength(s));
            Plus = Next(Tensors.Checked.Mul(Up(s.OutChannels), s.Window.Outputs));
            Output = Next(Tensors.Checked.Mul(Up(s.OutChannels), s.Window.Outputs));
            Conv = Next(ConvBlocked.WorkFloats(s, false));
            Total = at;
        }
    }
}
