using System.Numerics;
using Engine.Tensors;

namespace Engine.Streaming;

/// <summary>
/// Windows that end with every <paramref name="Every"/> samples, each taken where the newest whole advance of <paramref name="Advance"/> samples ends before that; result n is that of the window of sample (n + 1) · every.
/// </summary>
internal sealed record StreamShift(int Every, int Advance)
{
    /// <summary>Results of so many advances.</summary>
    public long Results(long advances) => advances <= 0 ? 0 : Checked.CeilDiv(Checked.Mul(advances + 1, Advance), Every) - 1;

    /// <summary>The result of the window that ends with an advance, or null where there is none.</summary>
    public long? Result(long advance)
    {
        long n = Results(advance + 1);
        return n > Results(advance) ? n - 1 : null;
    }

    /// <summary>Samples that frames of so many samples' distance may be shifted by.</summary>
    public static long Most(int every, double step) => step <= 1 ? 0 : (long)step - (long)BigInteger.GreatestCommonDivisor(every, (long)step);

    /// <summary>The largest difference between a signal of amplitude 1 whose frequencies end at so many cycles a sample and the same signal so many samples later.</summary>
    public static double Bound(long samples, double highest) => Math.Min(2, 2 * Math.PI * highest * samples);
}
