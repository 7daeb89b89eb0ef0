namespace Engine.Bench;

/// <summary>What of a machine a kernel can run into.</summary>
internal enum LimitKind
{
    /// <summary>Multiply-adds of f32; two operations each.</summary>
    F32,

    /// <summary>Multiply-adds of 8-bit integers summed in 32 bits; two operations each.</summary>
    Int8,

    /// <summary>Multiply-adds of bf16 summed in f32; two operations each.</summary>
    Bf16,

    /// <summary>Bits compared and counted; two operations a bit.</summary>
    Popcount,

    /// <summary>Bytes read from the first-level cache.</summary>
    L1,

    /// <summary>Bytes read from the second-level cache.</summary>
    L2,

    /// <summary>Bytes read from the third-level cache.</summary>
    L3,

    /// <summary>Bytes read from memory.</summary>
    Dram,
}

/// <summary>Runs a loop so many times over <paramref name="bytes"/> of data and leaves what it computed in 64 bytes at <paramref name="sink"/>, so that it cannot be left out.</summary>
internal unsafe delegate void LoopFn(byte* data, long bytes, long times, byte* sink);

/// <summary>One way to run into a limit.</summary>
/// <param name="Kind">The limit.</param>
/// <param name="Form">The instructions, for people.</param>
/// <param name="Supported">Whether this CPU has them.</param>
/// <param name="Bytes">Bytes of data of a thread.</param>
/// <param name="Work">Operations, or bytes, of one turn of the loop.</param>
/// <param name="Run">The loop.</param>
internal sealed record LimitLoop(LimitKind Kind, string Form, bool Supported, long Bytes, double Work, LoopFn Run)
{
    /// <summary>Every loop that this CPU runs, limit by limit.</summary>
    public static IReadOnlyList<LimitLoop> All(CacheSizes caches, int threads) =>
        [.. ((IEnumerable<LimitLoop>)[.. MultiplyAddLoops.All, .. Int8Loops.All, .. NativeLoops.All, .. PopcountLoops.All, .. ReadLoops.All(caches, threads)]).Where(l => l.Supported)];

    public static string Name(LimitKind kind) => kind switch
    {
        LimitKind.F32 => "f32 multiply-add",
        LimitKind.Int8 => "int8 multiply-add",
        LimitKind.Bf16 => "bf16 multiply-add",
        LimitKind.Popcount => "xor and popcount",
        LimitKind.L1 => "read L1",
        LimitKind.L2 => "read L2",
        LimitKind.L3 => "read L3",
        _ => "read memory",
    };

    public static string Unit(LimitKind kind) => kind switch
    {
        LimitKind.F32 or LimitKind.Bf16 => "GFLOP/s",
        LimitKind.Int8 or LimitKind.Popcount => "GOP/s",
        _ => "GB/s",
    };
}
