using System.Diagnostics;
using System.Text;
using Engine.Cuda;
using Engine.Tensors;

namespace Engine.SelfTest;

/// <summary>What came of a case.</summary>
/// <param name="Case">The case.</param>
/// <param name="Error">What went wrong, empty where nothing did.</param>
/// <param name="Worst">The largest difference, as a part of what is allowed.</param>
/// <param name="Milliseconds">Time of the case, its checks included.</param>
public sealed record GpuCaseResult(GpuCase Case, string Error, double Worst, double Milliseconds)
{
    /// <summary>True when nothing went wrong.</summary>
    public bool Passed => Error.Length == 0;
}

/// <summary>Runs cases on a device.</summary>
public static class GpuRunner
{
    /// <summary>Runs one case. Errors of the device and wrong results are in the result; nothing is thrown.</summary>
    public static GpuCaseResult Run(GpuCase c, GpuKernels kernels, IGpuStream stream)
    {
        long start = Stopwatch.GetTimestamp();
        using var context = new GpuCaseContext(kernels, stream, Seed(c));
        string error = "";
        try
        {
            c.Run(context);
            stream.Synchronize();
            context.ExpectGuards();
        }
        catch (EngineException e)
        {
            error = e.Message;
        }
        return new(c, error, context.Worst, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    // The same numbers for a case in every process and on every device.
    private static int Seed(GpuCase c)
    {
        uint hash = 2166136261;
        foreach (byte b in Encoding.UTF8.GetBytes(c.Name)) hash = (hash ^ b) * 16777619;
        return (int)hash;
    }
}
