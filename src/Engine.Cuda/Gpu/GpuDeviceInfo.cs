namespace Engine.Cuda;

/// <summary>What a device says of itself.</summary>
/// <param name="Name">The maker's name of it.</param>
/// <param name="Major">Compute capability before the point.</param>
/// <param name="Minor">Compute capability behind the point.</param>
/// <param name="Multiprocessors">Streaming multiprocessors.</param>
/// <param name="MemoryBytes">Memory of the device.</param>
/// <param name="SharedBytesBlock">Shared memory that a block may ask for.</param>
/// <param name="L2Bytes">Second-level cache.</param>
/// <param name="IsIntegrated">True where device and CPU share one memory, as on Jetson.</param>
/// <param name="Driver">The driver's version, as 12.4; "interpreter" for the one of the tests.</param>
public sealed record GpuDeviceInfo(string Name, int Major, int Minor, int Multiprocessors, long MemoryBytes, int SharedBytesBlock, long L2Bytes, bool IsIntegrated, string Driver)
{
    /// <summary>Compute capability as one number, 90 for 9.0.</summary>
    public int Capability => Major * 10 + Minor;
}
