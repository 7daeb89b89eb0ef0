using Engine.Cpu;
using Engine.Formats;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>How a command wants its models to run.</summary>
internal sealed record RunSettings(int Threads = 0, int OptimizationLevel = 2, Verification Verification = Verification.Full);

/// <summary>A model file, loaded and ready to run.</summary>
internal sealed class EngineModel : IDisposable
{
    private readonly RunSettings _settings;
    private ModelDefinition? _asStored;
    private Session? _session;

    private EngineModel(string path, Model model, RunSettings settings) => (Path, Model, _settings) = (path, model, settings);

    public string Path { get; }

    public Model Model { get; }

    /// <summary>The part of the model that runs and is planned; null for the whole.</summary>
    public SubNetwork? Part { get; init; }

    public IReadOnlyList<ValueInfo> Inputs => Model.Inputs;

    public IReadOnlyList<ValueInfo> Outputs => Model.Outputs;

    /// <summary>The graph that runs: after rewrites.</summary>
    public ModelGraph Graph => Model.Definition.Graph;

    /// <summary>The model as the file has it, before rewrites.</summary>
    public ModelDefinition AsStored => _asStored ??= Guard(Path, () => ModelFile.Load(Path));

    /// <summary>Loads a model, and takes the part of it that <paramref name="select"/> says.</summary>
    public static EngineModel Load(string path, RunSettings? settings = null, Func<Model, SubNetwork?>? select = null)
    {
        RequireFile(path);
        settings ??= new();
        var model = Guard(path, () => Model.Load(path, new ModelOptions { OptimizationLevel = settings.OptimizationLevel, Verification = settings.Verification }));
        return new(path, model, settings) { Part = select?.Invoke(model) };
    }

    /// <summary>What a file is; one that cannot be read counts as what it looks like.</summary>
    public static ModelFileKind KindOf(string path)
    {
        RequireFile(path);
        return Guard(path, () => ModelFile.KindOf(path));
    }

    /// <summary>A model before rewrites, every checksum compared.</summary>
    public static ModelDefinition Read(string path)
    {
        RequireFile(path);
        return Guard(path, () => ModelFile.Load(path, new OnnxReadOptions { VerifyChecksums = true }));
    }

    /// <summary>Runs once; outputs in the model's order.</summary>
    public IReadOnlyList<RuntimeValue> Run(IReadOnlyDictionary<string, RuntimeValue> inputs, CancellationToken cancellation)
    {
        _session ??= Model.CreateSession(new SessionOptions { Threads = _settings.Threads, SubNetwork = Part });
        var results = _session.Run(inputs, cancellation);
        return [.. Outputs.Select(o => results[o.Name])];
    }

    /// <summary>Runs the model as stored, node by node: the reference that plans are checked with, and that shows every wire.</summary>
    public IReadOnlyList<RuntimeValue> RunReference(IReadOnlyDictionary<string, RuntimeValue> inputs, Action<Value, RuntimeValue>? observe, CancellationToken cancellation) =>
        new Interpreter(CpuKernels.Standard) { Observe = observe }.Run(AsStored.Graph, [.. AsStored.Graph.Inputs.Select(v => inputs[v.Name])], cancellation);

    /// <summary>SHA-256 of the file, in lower-case hex.</summary>
    public string Sha256() => FileHash.Sha256(Path);

    internal static void RequireFile(string path)
    {
        if (Directory.Exists(path)) throw CommandException.Usage($"{path}: is a folder, not a model");
        if (!File.Exists(path)) throw CommandException.Usage($"{path}: no such file");
    }

    /// <summary>Whatever goes wrong while a model is read is the model's fault, except want of memory.</summary>
    internal static T Guard<T>(string path, Func<T> load)
    {
        try
        {
            return load();
        }
        catch (EngineException e) when (e is not MemoryLimitException)
        {
            throw new CommandException(ExitCode.InvalidModel, e.Message.StartsWith(path, StringComparison.Ordinal) ? e.Message : $"{path}: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        _session?.Dispose();
        Model.Dispose();
        foreach (var r in _asStored?.Resources ?? []) r.Dispose();
    }
}
