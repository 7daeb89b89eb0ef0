namespace Engine.Kernels;

/// <summary>What the kernels of bit-sliced convolutions work on: 512 outputs, every input of them as a plane of 64 bytes.</summary>
public unsafe struct SlicedBlock
{
    /// <summary>The planes of all columns of the weight, then one of zeros.</summary>
    public byte* Planes { get; init; }

    /// <summary>Scratch: <see cref="SlicedProgram.WorkBytes"/>.</summary>
    public byte* Work { get; init; }

    /// <summary>Bits of a counter.</summary>
    public int Bits { get; init; }

    /// <summary>Where not null, results are signs: <see cref="SlicedThresholds"/>.</summary>
    public uint* Thresholds { get; init; }

    /// <summary>u32 of one channel's thresholds.</summary>
    public nint ThresholdStep { get; init; }

    /// <summary>Tables that <see cref="Thresholds"/> have an entry of for every bit.</summary>
    public int Tables { get; init; }

    /// <summary>The first tables, as many as this block's outputs need: the others give no bits here.</summary>
    public int UsedTables { get; init; }

    /// <summary>The tables: <see cref="SlicedThresholds.FillTables"/>.</summary>
    public byte* Numbers { get; init; }

    /// <summary>Signs of channel 0.</summary>
    public byte* Y { get; init; }

    /// <summary>Bytes to the signs of the next channel.</summary>
    public nint YStep { get; init; }

    /// <summary>Where results are sums: <see cref="Bits"/> planes a channel of the unit. Where they are signs: scratch of so many planes.</summary>
    public byte* Sums { get; init; }

    /// <summary>Bytes of a counter.</summary>
    public readonly nint Step => (nint)Bits * BitPlanes.PlaneBytes;
}
