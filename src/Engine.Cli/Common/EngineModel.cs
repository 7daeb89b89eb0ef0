using System.Security.Cryptography;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>How a command wants its models to run.</summary>
internal sealed record RunSettings(int Threads = 0, int OptimizationLevel = 2);

/// <summary>A model file, loaded and ready to run.</summary>
internal sealed class EngineModel : IDisposable
{
    private readonly Workers _workers;

    private EngineModel(string path, ModelDefinition definition, RunSettings settings)
    {
        (Path, Definition) = (path, definition);
        _workers = new Workers(settings.Threads > 0 ? settings.Threads : Environment.ProcessorCount);
    }

    public string Path { get; }

    public ModelDefinition Definition { get; }

    public ModelGraph Graph => Definition.Graph;

    public static EngineModel Load(string path, RunSettings? settings = null)
    {
        if (Directory.Exists(path)) throw CommandException.Usage($"{path}: is a folder, not a model");
        if (!File.Exists(path)) throw CommandException.Usage($"{path}: no such file");
        try
        {
            return new EngineModel(path, OnnxModelReader.Load(path), settings ?? new());
        }
        catch (EngineException e) when (e is not MemoryLimitException)
        {
            throw new CommandException(ExitCode.InvalidModel, e.Message.StartsWith(path, StringComparison.Ordinal) ? e.Message : $"{path}: {e.Message}", e);
        }
    }

    /// <summary>Runs once; outputs in the model's order.</summary>
    public IReadOnlyList<RuntimeValue> Run(IReadOnlyDictionary<string, RuntimeValue> inputs, CancellationToken cancellation) =>
        new Interpreter(CpuKernels.Standard, _workers).Run(Graph, [.. Graph.Inputs.Select(v => inputs[v.Name])], cancellation);

    /// <summary>Runs the unplanned reference, which shows every wire.</summary>
    public IReadOnlyList<RuntimeValue> RunReference(IReadOnlyDictionary<string, RuntimeValue> inputs, Action<Value, RuntimeValue>? observe, CancellationToken cancellation) =>
        new Interpreter(CpuKernels.Standard, _workers) { Observe = observe }.Run(Graph, [.. Graph.Inputs.Select(v => inputs[v.Name])], cancellation);

    /// <summary>SHA-256 of the file, in lower-case hex.</summary>
    public string Sha256()
    {
        using var f = File.OpenRead(Path);
        return Convert.ToHexStringLower(SHA256.HashData(f));
    }

    public void Dispose()
    {
        _workers.Dispose();
        foreach (var r in Definition.Resources) r.Dispose();
    }
}
