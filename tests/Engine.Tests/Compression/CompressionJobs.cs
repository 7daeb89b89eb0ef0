using Engine.Compression;
using Engine.Cpu;
using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Tests.Compression;

/// <summary>Models of this repository, compressed with their own samples.</summary>
internal static class CompressionJobs
{
    public static string ModelPath(string model) => Path.Combine(Repository.Root, "bench", "models", model, "model.onnx");

    public static CalibrationData Samples(string model)
    {
        var c = OnnxTestCases.Find(Path.GetDirectoryName(ModelPath(model))!)[0];
        var graph = OnnxModelReader.Load(c.ModelPath).Graph;
        return new([.. c.DataSets.Select(s => s.ReadInputs(graph).Select((v, i) => (graph.Inputs[i].Name, v)).ToDictionary())], []);
    }

    public static CompressionResult Compress(string model, CompressionOptions options, CalibrationData? data = null) =>
        new Compressor(OnnxModelReader.Load(ModelPath(model)), "source", options, data ?? Samples(model), CpuKernels.Standard, Workers.Single).Run();

    public static byte[] Bytes(CompressionResult r)
    {
        using var m = new MemoryStream();
        OnnxModelWriter.Write(r.Model, m);
        return m.ToArray();
    }

    public static byte[] EngineBytes(CompressionResult r)
    {
        using var m = new MemoryStream();
        EngineFileWriter.Write(r.Model, m);
        return m.ToArray();
    }

    public static Tensor Run(byte[] model, CalibrationData data, int level)
    {
        using var m = Model.Load(model, new ModelOptions { OptimizationLevel = level });
        using var session = m.CreateSession();
        return (Tensor)session.Run(data.Inputs[0])[m.Outputs[0].Name];
    }
}
