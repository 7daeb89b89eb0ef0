namespace Engine.Ptx;

/// <summary>What is wrong with PTX text, with the use of a device, or with what a kernel did.</summary>
public abstract class PtxException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Text that is not PTX, or PTX that contradicts itself. Names module and line.</summary>
public sealed class PtxSyntaxException(string module, int line, string message)
    : PtxException($"{module}({line}): {message}")
{
    /// <summary>The name that the module was parsed under.</summary>
    public string Module { get; } = module;

    /// <summary>The line, from 1.</summary>
    public int Line { get; } = line;
}

/// <summary>PTX that this machine does not execute.</summary>
public sealed class PtxUnsupportedException(string module, int line, string text, string reason)
    : PtxException($"{module}({line}): '{text}': {reason}")
{
    /// <summary>The line, from 1.</summary>
    public int Line { get; } = line;
}

/// <summary>A launch or a copy that the device cannot do: sizes, limits, parameters.</summary>
public sealed class PtxLaunchException(string message) : PtxException(message);

/// <summary>A kernel did what it must not: see <see cref="Faults"/>.</summary>
public sealed class PtxFaultException(IReadOnlyList<PtxFault> faults)
    : PtxException(string.Join(Environment.NewLine, faults))
{
    /// <summary>What was found, in the order in which it was found.</summary>
    public IReadOnlyList<PtxFault> Faults { get; } = faults;
}
