using System.CommandLine;
using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary><c>--pack</c>: engine files that also hold weights in the layouts that kernels of this machine read.</summary>
internal static class PackedOutput
{
    public static Option<bool> Option() => new("--pack") { Description = "Store weights also in the layouts that kernels read here, beside the graph as rewritten for them: a session then packs none. The file is larger; elsewhere it loads as well" };

    /// <summary>Plans the model for inputs of the shapes given, and writes what the plans packed with it.</summary>
    public static void Write(ModelDefinition definition, string path, Provenance provenance, Func<IReadOnlyList<ValueInfo>, IReadOnlyDictionary<string, RuntimeValue>> inputs, CancellationToken cancellation)
    {
        using var model = Model.Create(definition);
        var values = inputs(model.Inputs);
        // Later segments are planned with what the ones before them computed.
        if (model.Plan(values).EndsAt is not null)
        {
            using var session = model.CreateSession();
            session.Run(values, cancellation);
        }
        var packed = model.PackedLayouts();
        EngineFileWriter.Write(definition, path, provenance, packed);
        Console.Error.WriteLine($"{packed.Count} weights stored in layouts of kernels, {packed.Sum(p => p.Values.ByteLength)} bytes");
    }
}
