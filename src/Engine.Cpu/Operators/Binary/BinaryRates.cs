using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>What binary layers take on one core, in nanoseconds, by counts of what their kernels do.</summary>
internal static class BinaryRates
{
    private const double Step = 300;

    /// <summary>Between f32, words of bits and planes.</summary>
    public static double Conversion(TensorType type, Encoding from, Encoding to)
    {
        double floats = (from is BitsEncoding or PlanesEncoding ? 0 : from.StorageBytes(type) / Rates.BytesPerNanosecond) + (to is BitsEncoding or PlanesEncoding ? 0 : to.StorageBytes(type) / 4.0);
        return Step + (floats > 0 ? floats : type.Elements / 200.0);
    }

    /// <summary>The packed kernel, to bits or (<paramref name="to"/> not null) to f32.</summary>
    public static double Packed(ConvShape s, Encoding? to)
    {
        double sums = s.Operations / Rates.SignOperations(GemmBinary.Table), values = (double)s.Batch * s.Window.Outputs * s.OutChannels;
        return sums + values * (to is null ? 1.0 / 32 : to == Encoding.Plain && s.Window.Outputs > 1 ? 1 : 0.5);
    }

    /// <summary>A bit-sliced kernel, from planes or words, to planes or (<paramref name="to"/> not null) to f32.</summary>
    public static double Sliced(ConvShape s, SlicedExecution execution, Weight w, bool fromPlanes, Encoding? to)
    {
        int taps = s.Window.Taps, columns = s.Channels * taps, channels = SlicedProgram.ChannelsOf(columns);
        double sets = Math.Ceiling((double)s.OutChannels / channels), added = execution == SlicedExecution.Fr ? sets * columns : columns + BinaryTrees.Differences(w)!.Value;
        double inputs = fromPlanes ? columns * 3 : taps * Math.Ceiling(s.Channels / 64.0) * 400;
        double block = inputs + added * 0.4 + s.OutChannels * (to is null ? 30 : to == Encoding.Plain ? 150 : 400);
        return BitPlanes.Blocks((long)s.Batch * s.Window.Outputs) * block;
    }
}
