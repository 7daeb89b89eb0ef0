using System.Text;

namespace Engine.Cuda;

/// <summary>PTX to machine code by the driver's own compiler, with what it prints.</summary>
internal static unsafe class CudaCompiler
{
    // CUjit_option and CUjitInputType.
    private const int InfoLog = 3, InfoLogBytes = 4, ErrorLog = 5, ErrorLogBytes = 6, Ptx = 1, LogBytes = 16 << 10;

    /// <summary>The machine code for the device and the compiler's log. Throws <see cref="GpuException"/> with the log where it refuses the PTX.</summary>
    public static (byte[] Cubin, string Log) Compile(CudaDevice device, string name, byte[] ptx)
    {
        var driver = device.Driver;
        byte[] info = new byte[LogBytes], error = new byte[LogBytes];
        fixed (byte* infoLog = info, errorLog = error, file = Encoding.UTF8.GetBytes(name + '\0'), source = new byte[ptx.Length + 1])
        {
            ptx.CopyTo(new Span<byte>(source, ptx.Length));
            int* options = stackalloc int[] { InfoLog, InfoLogBytes, ErrorLog, ErrorLogBytes };
            void** values = stackalloc void*[] { infoLog, (void*)(nuint)LogBytes, errorLog, (void*)(nuint)LogBytes };
            nint state;
            driver.Check(driver.LinkCreate(4, options, values, &state), $"compiler for {device.Info.Name}");
            try
            {
                // The text counts its end.
                driver.Check(driver.LinkAddData(state, Ptx, source, (nuint)ptx.Length + 1, file, 0, null, null), $"{name} for {device.Info.Name}", Text(error));
                void* cubin;
                nuint bytes;
                driver.Check(driver.LinkComplete(state, &cubin, &bytes), $"{name} for {device.Info.Name}", Text(error));
                // The linker owns what it made: copied before it goes.
                return (new ReadOnlySpan<byte>(cubin, checked((int)bytes)).ToArray(), Text(info));
            }
            finally
            {
                _ = driver.LinkDestroy(state);
            }
        }
    }

    private static string Text(byte[] log) => Encoding.UTF8.GetString(log, 0, Array.IndexOf(log, (byte)0) is var end and >= 0 ? end : log.Length).Trim();
}
