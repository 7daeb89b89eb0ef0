using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>
/// What binary layers take on one core, in nanoseconds: how often their kernels do what, times rates fitted to the times that <c>engine-bench executions</c> gave for every tier on a Zen 5 server. On nine in ten
/// shapes of its list the least estimate is the least time, or one within 10 % of it; rates of advsimd are guesses.
/// </summary>
internal static class BinaryRates
{
    private const double Step = 300;

    /// <param name="Word">64 products.</param>
    /// <param name="Sum">A sum made and compared.</param>
    /// <param name="Float">A number scaled and stored.</param>
    /// <param name="Row">A word of an output's inputs prepared.</param>
    private sealed record PackedRates(double Word, double Sum, double Float, double Row);

    /// <param name="Tap">Inputs shifted, a block a column.</param>
    /// <param name="Gather">Words of 64 channels gathered and turned, a block a tap.</param>
    /// <param name="Plane">A plane counted.</param>
    /// <param name="Counter">A plane of a counter stored and added to a channel.</param>
    /// <param name="Border">A sum at the border put right.</param>
    /// <param name="Float">A number scaled and stored.</param>
    /// <param name="Channel">Sums of a block turned to numbers.</param>
    private sealed record SlicedRates(double Tap, double Gather, double Plane, double Counter, double Border, double Float, double Channel);

    private static PackedRates PackedOf(string tier) => tier switch
    {
        "avx512vpopcntdq" => new(0.0244, 0.21, 0.13, 0.77),
        "avx512" => new(0.023, 0.24, 0.15, 2.4),
        "avx2" => new(0.088, 0.26, 0.24, 0.37),
        "advsimd" => new(0.18, 0.4, 0.25, 1.3),
        _ => new(0.36, 3.5, 1.4, 17),
    };

    private static SlicedRates SlicedOf(string tier) => tier switch
    {
        "avx512" => new(2.2, 890, 0.475, 0.9, 0.4, 0.14, 98),
        "avx2" => new(3.9, 1300, 1.03, 2, 0.8, 0.28, 100),
        "advsimd" => new(10, 1500, 2.2, 4, 1, 0.3, 160),
        _ => new(6.3, 1500, 9.1, 12, 37, 0.3, 5800),
    };

    /// <summary>Between f32, words of bits and planes.</summary>
    public static double Conversion(TensorType type, Encoding from, Encoding to)
    {
        if (from is BitsEncoding or PlanesEncoding && to is BitsEncoding or PlanesEncoding) return Step + type.Elements / 200.0;
        return Step + type.Bytes / (from is PlanesEncoding ? 25.0 : from is BitsEncoding ? 7.0 : SignBytes(from, to));
    }

    /// <summary>Bytes of f32 a nanosecond whose signs become bits or planes.</summary>
    public static double SignBytes(Encoding from, Encoding to) => to is BitsEncoding && from == Encoding.Plain ? 12 : 40;

    /// <summary>The packed kernel, to bits or to f32.</summary>
    public static double Packed(ConvShape s, bool toFloats)
    {
        var r = PackedOf(GemmBinary.Table.Tier);
        double outputs = (double)s.Batch * s.Window.Outputs, words = (double)s.Window.Taps * ChannelBits.Words(s.GroupChannels), columns = s.Group * (double)SignStore.Padded(s.GroupOutChannels);
        return outputs * (columns * (words * r.Word + r.Sum) + s.Group * words * r.Row + (toFloats ? s.OutChannels * r.Float : 0));
    }

    /// <summary>A bit-sliced kernel, from planes or words, to planes or to f32; <paramref name="scattered"/> where neighbouring pixels of f32 do not lie side by side.</summary>
    public static double Sliced(ConvShape s, SlicedExecution execution, Weight w, bool fromPlanes, bool toFloats, bool scattered)
    {
        var r = SlicedOf(ConvBinaryFr.Table.Tier);
        int taps = s.Window.Taps, columns = s.Channels * taps, channels = SlicedProgram.ChannelsOf(columns), bits = Math.Max(8, System.Numerics.BitOperations.Log2((uint)columns) + 2);
        double sets = Math.Ceiling((double)s.OutChannels / channels), block = fromPlanes ? columns * r.Tap : (double)taps * ChannelBits.Words(s.Channels) * r.Gather;
        block += execution == SlicedExecution.Fr ? sets * (columns * r.Plane + (1 << (channels - 1)) * bits * r.Counter) : (columns + BinaryTrees.Differences(w)!.Value) * r.Plane;
        if (!toFloats) return BitPlanes.Blocks((long)s.Batch * s.Window.Outputs) * block;
        double outputs = (double)s.Batch * s.Window.Outputs, inside = (double)s.Batch * Inside(s.Window.H) * Inside(s.Window.W);
        return BitPlanes.Blocks((long)s.Batch * s.Window.Outputs) * (block + s.OutChannels * r.Channel) + s.OutChannels * (outputs * r.Float * (scattered ? 3 : 1) + (outputs - inside) * r.Border);
    }

    // Outputs whose window does not reach into the padding.
    private static int Inside(WindowDim d)
    {
        d.Outputs(0, out int first, out _);
        d.Outputs(d.Kernel - 1, out _, out int end);
        return Math.Max(0, end - first);
    }
}
