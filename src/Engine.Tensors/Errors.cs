namespace Engine.Tensors;

/// <summary>Base of every error the engine throws on purpose; anything else is a defect of the engine.</summary>
public class EngineException : Exception
{
    /// <summary>Creates the error.</summary>
    public EngineException(string message, Exception? inner = null) : base(message, inner) { }
}

/// <summary>A size or product of dimensions is negative or does not fit.</summary>
public sealed class SizeOverflowException(string message) : EngineException(message);

/// <summary>The bytes of a model are not what their format asks for.</summary>
public sealed class InvalidModelException : EngineException
{
    /// <summary>Creates the error; <paramref name="offset"/> is a byte offset in the file, −1 when unknown.</summary>
    public InvalidModelException(string message, string? file = null, long offset = -1, Exception? inner = null)
        : base((file is null ? "" : $"{file}: ") + message + (offset < 0 ? "" : $" (at byte {offset})"), inner)
    {
        File = file;
        Offset = offset;
        Detail = message;
    }

    /// <summary>The file, where known.</summary>
    public string? File { get; }

    /// <summary>Byte offset of the fault, −1 when unknown.</summary>
    public long Offset { get; }

    /// <summary>The message without file and offset.</summary>
    public string Detail { get; }
}

/// <summary>The bytes of a data file (array, picture, sound) are not what its format asks for, or the file cannot be read.</summary>
public sealed class DataFormatException : EngineException
{
    /// <summary>Creates the error; <paramref name="offset"/> is a byte offset in the file, −1 when unknown.</summary>
    public DataFormatException(string message, string? file = null, long offset = -1, Exception? inner = null)
        : base((file is null ? "" : $"{file}: ") + message + (offset < 0 ? "" : $" (at byte {offset})"), inner) => (File, Offset) = (file, offset);

    /// <summary>The file, where known.</summary>
    public string? File { get; }

    /// <summary>Byte offset of the fault, −1 when unknown.</summary>
    public long Offset { get; }
}

/// <summary>The model uses an operator, a type or a form that the engine does not run.</summary>
public sealed class UnsupportedException : EngineException
{
    /// <summary>Creates the error.</summary>
    public UnsupportedException(string message) : base(message) { }
}

/// <summary>A node's inputs have types, shapes or values that its operator does not accept.</summary>
public sealed class OperatorException : EngineException
{
    /// <summary>Creates the error; <paramref name="node"/> says which node: name, operator, domain.</summary>
    public OperatorException(string message, string? node = null, Exception? inner = null)
        : base(node is null ? message : $"{node}: {message}", inner) => (Node, Detail) = (node, message);

    /// <summary>Which node failed, where known.</summary>
    public string? Node { get; }

    /// <summary>The message without the node.</summary>
    public string Detail { get; }
}

/// <summary>Turns exceptions that no caller should have to know into typed ones.</summary>
public static class Faults
{
    /// <summary>True for an exception that a rule or kernel let escape: an index, a size or an argument it did not check.</summary>
    public static bool IsEscaped(Exception e) => e is not (EngineException or OperationCanceledException);

    /// <summary>The typed form of an escaped exception.</summary>
    public static OperatorException Escaped(Exception e, string? node) => new($"{e.GetType().Name}: {e.Message}", node, e);
}

/// <summary>What the caller passed to a run does not fit the model: name, type or shape.</summary>
public sealed class InputException : EngineException
{
    /// <summary>Creates the error.</summary>
    public InputException(string message, string? input = null) : base(message) => Input = input;

    /// <summary>Name of the input, where known.</summary>
    public string? Input { get; }
}

/// <summary>A plan, a load or a run would take more memory than allowed.</summary>
public sealed class MemoryLimitException(string message) : EngineException(message);

/// <summary>A file cannot be written: no room, no permission, no folder.</summary>
public sealed class FileWriteException : EngineException
{
    /// <summary>Creates the error.</summary>
    public FileWriteException(string message, string file, Exception? inner = null) : base($"{file}: {message}", inner) => File = file;

    /// <summary>The file.</summary>
    public string File { get; }
}
