namespace Engine.Cli;

/// <summary>What the process returns; part of the command line's contract.</summary>
internal enum ExitCode
{
    Ok = 0,
    RunFailed = 1,

    /// <summary>The command line, or a file it passes as input, does not fit: unknown option, missing file, wrong name, type or shape.</summary>
    Usage = 2,

    /// <summary>The model is no valid model, or one that the engine does not run.</summary>
    InvalidModel = 3,

    /// <summary>A comparison, verification or benchmark ran and its result is not good enough.</summary>
    ThresholdMissed = 4,
}

/// <summary>A command that cannot go on; the message becomes the one line on stderr.</summary>
internal sealed class CommandException(ExitCode code, string message, Exception? inner = null) : Exception(message, inner)
{
    public ExitCode Code { get; } = code;

    public static CommandException Usage(string message) => new(ExitCode.Usage, message);
}
