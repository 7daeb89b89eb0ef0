using Engine.Compression;
using Engine.Cpu;
using Engine.Formats.Onnx;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>Our classifiers of Fashion-MNIST: compressed with 512 training images, and what they make of the test images.</summary>
internal static class FashionClassifier
{
    /// <summary>Images a run.</summary>
    public const int Batch = 100;

    private const int Samples = 16, SampleImages = 32;

    /// <summary>A model of the repository compressed by a recipe, as <c>prune:0.5+int8</c>; the first training images calibrate.</summary>
    public static CompressionResult Compress(string model, string recipe)
    {
        var definition = OnnxModelReader.Load(Repository.Model($"{model}/model.onnx"));
        float[] images = FashionMnist.ReadTrainingImages(Samples * SampleImages);
        var input = definition.Graph.Inputs[0];
        var samples = Enumerable.Range(0, Samples).Select(s => (IReadOnlyDictionary<string, RuntimeValue>)new Dictionary<string, RuntimeValue>
        {
            [input.Name] = Tensor.From<float>(Shaped(input.Declared, SampleImages), images.AsSpan(s * SampleImages * FashionMnist.Pixels, SampleImages * FashionMnist.Pixels)),
        }).ToList();
        var (prune, scheme) = Recipe.Parse(recipe);
        return new Compressor(definition, "", new CompressionOptions { Scheme = scheme, Prune = prune }, new CalibrationData(samples, []), CpuKernels.Standard, Workers.Single).Run();
    }

    /// <summary>The model as an .onnx file.</summary>
    public static byte[] Onnx(CompressionResult result)
    {
        using var m = new MemoryStream();
        OnnxModelWriter.Write(result.Model, m);
        return m.ToArray();
    }

    /// <summary>Test images from <paramref name="first"/> on, in the shape of the model's input.</summary>
    public static Tensor Input(DeclaredType? declared, int first) => Tensor.From<float>(Shaped(declared, Batch), FashionMnist.ReadImages().AsSpan(first * FashionMnist.Pixels, Batch * FashionMnist.Pixels));

    /// <summary>Classes of the first test images.</summary>
    public static int[] Classes(byte[] model, int count = int.MaxValue)
    {
        using var m = Model.Load(model);
        return Classes(m, count);
    }

    /// <inheritdoc cref="Classes(byte[], int)"/>
    public static int[] Classes(Model model, int count = int.MaxValue)
    {
        using var session = model.CreateSession();
        float[] images = FashionMnist.ReadImages();
        var classes = new List<int>();
        for (int first = 0; first < Math.Min(count, images.Length / FashionMnist.Pixels); first += Batch)
        {
            var x = Tensor.From<float>(Shaped(model.Inputs[0].Type, Batch), images.AsSpan(first * FashionMnist.Pixels, Batch * FashionMnist.Pixels));
            var logits = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { [model.Inputs[0].Name] = x })[model.Outputs[0].Name];
            for (int i = 0; i < Batch; i++) classes.Add(Best(logits, i));
        }
        return [.. classes];
    }

    /// <summary>How many classes are the labels.</summary>
    public static int Correct(int[] classes, byte[] labels) => classes.Where((c, i) => c == labels[i]).Count();

    /// <summary>The class of the largest logit of a row; the first of equal ones.</summary>
    public static int Best(Tensor logits, int row)
    {
        int n = logits.Shape.Int(1);
        var v = logits.Span<float>().Slice(row * n, n);
        int best = 0;
        for (int i = 1; i < n; i++) if (v[i] > v[best]) best = i;
        return best;
    }

    private static Shape Shaped(DeclaredType? declared, int batch) => new([batch, .. ((DeclaredType.Tensor)declared!).Dims!.Skip(1).Select(d => d.Value)]);
}
