using Engine.Tensors;

namespace Engine.Cuda;

/// <summary>A GPU, its driver or a kernel file refused what was asked of it.</summary>
public sealed class GpuException : EngineException
{
    /// <summary>Creates the error.</summary>
    /// <param name="message">What was asked and what came back.</param>
    /// <param name="code">The driver's code, 0 where the driver was not asked.</param>
    /// <param name="log">What the driver's compiler printed.</param>
    /// <param name="inner">The cause.</param>
    public GpuException(string message, int code = 0, string log = "", Exception? inner = null) : base(log.Length == 0 ? message : $"{message}\n{log}", inner) => (Code, Log) = (code, log);

    /// <summary>The driver's code, 0 where the driver was not asked.</summary>
    public int Code { get; }

    /// <summary>What the driver's compiler printed; empty without it.</summary>
    public string Log { get; }
}
