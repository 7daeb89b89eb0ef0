using Engine.Compression;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Kernels;
using Engine.Peers;
using Engine.Tensors;
using Xunit.Abstractions;

namespace Engine.PeerTests;

/// <summary>Our Fashion-MNIST classifier compressed, over the whole test set, and the compressed models in ONNX Runtime.</summary>
[Collection(AccuracyCollection.Name)]
public sealed class CompressionAccuracyTests(AccuracyTable table, ITestOutputHelper output)
{
    private const int Batch = 100;

    /// <summary>Points of accuracy that may be lost.</summary>
    [DataTheory(FashionMnist.Images, FashionMnist.Labels, FashionMnist.TrainingImages)]
    [InlineData("fashion-cnn", "int8", 0.3)]
    [InlineData("fashion-cnn", "int4", 1.0)]
    [InlineData("fashion-cnn", "int4-channel", 1.0)]
    [InlineData("fashion-cnn", "int3", 3.0)]
    [InlineData("fashion-cnn", "low-rank:75%", 2.0)]
    [InlineData("fashion-cnn", "low-rank:75%+int8", 2.0)]
    [InlineData("fashion-cnn", "low-rank:75%+int4", 2.5)]
    [InlineData("fashion-cnn", "spatial:75%", 1.0)]
    [InlineData("fashion-cnn", "tucker:75%", 1.5)]
    [InlineData("fashion-mlp", "low-rank:50%", 1.0)]
    [InlineData("fashion-mlp", "low-rank:50%+int8", 1.0)]
    [InlineData("fashion-mlp", "int8", 0.3)]
    [InlineData("fashion-mlp", "int4", 0.5)]
    [InlineData("fashion-mlp", "int3", 1.0)]
    [InlineData("fashion-mlp", "ternary", 3.0)]
    public void Loses_little_accuracy(string model, string scheme, double points)
    {
        byte[] bytes = Compress(model, new CompressionOptions { Scheme = Scheme.Parse(scheme) });
        byte[] labels = FashionMnist.ReadLabels();
        int exact = Correct(Classes(File.ReadAllBytes(Repository.Model($"{model}/model.onnx"))), labels), compressed = Correct(Classes(bytes), labels);
        output.WriteLine(table.AddCompressed(model, scheme, bytes.Length, exact / (double)labels.Length, compressed / (double)labels.Length));
        Assert.InRange((exact - compressed) * 100.0 / labels.Length, -5, points);
    }

    [PeerTheory(FashionMnist.Images, FashionMnist.TrainingImages)]
    [InlineData("fashion-cnn", "int8")]
    [InlineData("fashion-cnn", "int4")]
    [InlineData("fashion-cnn", "w8")]
    [InlineData("fashion-cnn", "low-rank:75%+int4")]
    [InlineData("fashion-cnn", "spatial:75%+w8")]
    [InlineData("fashion-cnn", "tucker:75%")]
    [InlineData("fashion-cnn", "cp:75%")]
    [InlineData("fashion-mlp", "low-rank:50%+int4")]
    [InlineData("fashion-mlp", "int8")]
    [InlineData("fashion-mlp", "int4")]
    [InlineData("fashion-mlp", "int3-asym")]
    [InlineData("fashion-transformer", "int4")]
    [InlineData("fashion-gru", "w8")]
    public void Runs_in_ONNX_Runtime_with_the_same_classes(string model, string scheme)
    {
        const int images = 1000;
        byte[] bytes = Compress(model, new CompressionOptions { Scheme = Scheme.Parse(scheme) });
        int[] ours = Classes(bytes, images);
        string path = Path.Combine(Directory.CreateTempSubdirectory("engine-").FullName, "model.onnx");
        try
        {
            File.WriteAllBytes(path, bytes);
            using var theirs = OrtModel.Load(path);
            int differing = 0;
            for (int first = 0; first < images; first += Batch)
            {
                using var run = theirs.Bind([Input(bytes, first)]);
                run.Run();
                var logits = run.Outputs[0];
                for (int i = 0; i < Batch; i++) if (Best(logits, i) != ours[first + i]) differing++;
            }
            output.WriteLine($"{model} {scheme}: {differing} of {images} classes differ");
            // Integer kernels and float ones round differently on the last bit of a code; a class changes only where two scores nearly tie.
            Assert.InRange(differing, 0, scheme == "int8" ? 3 : 0);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, true);
        }
    }

    /// <summary>Text behind the first windows, which calibrate: error compensation loses less than nearest codes.</summary>
    [Theory]
    [InlineData("w8", 0.002)]
    [InlineData("int4", 0.03)]
    [InlineData("int3", 0.06)]
    [InlineData("int2-g64", 0.6)]
    [InlineData("ternary-g64", 1.5)]
    public void A_language_model_loses_little(string scheme, double bits)
    {
        const int calibrated = 16, judged = 128;
        string folder = Repository.Model("byte-gpt");
        using var facts = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes($"{folder}/accuracy.json"));
        int context = facts.RootElement.GetProperty("context").GetInt32();
        byte[] text = File.ReadAllBytes($"{folder}/{facts.RootElement.GetProperty("text").GetString()}");
        Tensor Window(int first, int count)
        {
            var x = Tensor.Allocate(DType.I64, new Shape(count, context));
            for (int i = 0; i < count * context; i++) x.Span<long>()[i] = text[first * context + i];
            return x;
        }
        double Bits(Engine.Graph.ModelDefinition definition)
        {
            using var model = Model.Create(definition);
            using var session = model.CreateSession();
            double sum = 0;
            for (int first = calibrated; first < calibrated + judged; first += 32)
            {
                var results = new RuntimeValue?[1];
                session.Run([Window(first, 32)], results);
                var logits = ((Tensor)results[0]!).Span<float>();
                for (int i = 0; i < 32 * context; i++) sum += TextAccuracyTests.Bits(logits.Slice(256 * i, 256), text[first * context + i + 1]);
            }
            return sum / (judged * context);
        }
        (double, long) Compressed(RoundingMethod method)
        {
            var definition = OnnxModelReader.Load($"{folder}/model.onnx");
            var data = new CalibrationData([new Dictionary<string, RuntimeValue> { [definition.Graph.Inputs[0].Name] = Window(0, calibrated) }], []);
            var r = new Compressor(definition, "", new CompressionOptions { Scheme = Scheme.Parse(scheme), Method = method }, data, CpuKernels.Standard, Workers.Single).Run();
            return (Bits(r.Model), r.BytesAfter);
        }
        double exact = Bits(OnnxModelReader.Load($"{folder}/model.onnx"));
        var ((nearest, _), (compensated, bytes)) = (Compressed(RoundingMethod.Nearest), Compressed(RoundingMethod.Gptq));
        output.WriteLine(table.AddCompressedText(scheme, bytes, exact, nearest, compensated));
        Assert.InRange(compensated, exact - 0.01, exact + bits);
        // Eight bits leave next to nothing to compensate.
        Assert.True(compensated < nearest + (scheme == "w8" ? 1e-3 : 0));
    }

    private static byte[] Compress(string model, CompressionOptions options)
    {
        var definition = OnnxModelReader.Load(Repository.Model($"{model}/model.onnx"));
        float[] images = FashionMnist.ReadTrainingImages(512);
        string name = definition.Graph.Inputs[0].Name;
        var samples = Enumerable.Range(0, 16).Select(s => (IReadOnlyDictionary<string, RuntimeValue>)new Dictionary<string, RuntimeValue> { [name] = Tensor.From<float>(Shaped(definition.Graph.Inputs[0].Declared, 32), images.AsSpan(s * 32 * FashionMnist.Pixels, 32 * FashionMnist.Pixels)) }).ToList();
        var result = new Compressor(definition, "", options, new CalibrationData(samples, []), CpuKernels.Standard, Workers.Single).Run();
        using var m = new MemoryStream();
        OnnxModelWriter.Write(result.Model, m);
        return m.ToArray();
    }

    private static Shape Shaped(DeclaredType? declared, int batch) => new([batch, .. ((DeclaredType.Tensor)declared!).Dims!.Skip(1).Select(d => d.Value)]);

    private static Tensor Input(byte[] model, int first) =>
        Tensor.From<float>(Shaped(OnnxModelReader.Load(model).Graph.Inputs[0].Declared, Batch), FashionMnist.ReadImages().AsSpan(first * FashionMnist.Pixels, Batch * FashionMnist.Pixels));

    private static int[] Classes(byte[] model, int count = int.MaxValue)
    {
        using var m = Model.Load(model);
        using var session = m.CreateSession();
        float[] images = FashionMnist.ReadImages();
        var classes = new List<int>();
        for (int first = 0; first < Math.Min(count, images.Length / FashionMnist.Pixels); first += Batch)
        {
            var x = Tensor.From<float>(Shaped(m.Inputs[0].Type, Batch), images.AsSpan(first * FashionMnist.Pixels, Batch * FashionMnist.Pixels));
            var logits = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { [m.Inputs[0].Name] = x })[m.Outputs[0].Name];
            for (int i = 0; i < Batch; i++) classes.Add(Best(logits, i));
        }
        return [.. classes];
    }

    private static int Correct(int[] classes, byte[] labels) => classes.Where((c, i) => c == labels[i]).Count();

    private static int Best(Tensor logits, int row)
    {
        int n = logits.Shape.Int(1);
        var v = logits.Span<float>().Slice(row * n, n);
        return v.IndexOf(MaxOf(v));
    }

    private static float MaxOf(ReadOnlySpan<float> v)
    {
        float most = v[0];
        foreach (float x in v) most = Math.Max(most, x);
        return most;
    }
}
