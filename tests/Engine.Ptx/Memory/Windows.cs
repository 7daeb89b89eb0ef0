namespace Engine.Ptx.Memory;

/// <summary>Where the state spaces lie among generic addresses.</summary>
internal static class Windows
{
    public const ulong Shared = 0x1000_0000_0000;
    public const ulong Local = 0x2000_0000_0000;
    public const ulong Parameter = 0x3000_0000_0000;

    /// <summary>The first buffer; each has 4 GiB of addresses.</summary>
    public const ulong Global = 0x7000_0000_0000;

    /// <summary>Bytes of a window other than the global one.</summary>
    public const ulong Size = 1UL << 32;
}
