using System.Text.Json;
using Engine.Tensors;
using Xunit.Abstractions;

namespace Engine.PeerTests;

/// <summary>Our own classifiers over the whole Fashion-MNIST test set, against what the training script stored.</summary>
[Collection(AccuracyCollection.Name)]
public sealed class FashionAccuracyTests(AccuracyTable table, ITestOutputHelper output)
{
    // Below this margin of the best two logits, rounding may decide.
    private const float UnclearMargin = 1e-4f;

    [DataTheory(FashionMnist.Images, FashionMnist.Labels)]
    [InlineData("fashion-cnn")]
    [InlineData("fashion-mlp")]
    [InlineData("fashion-gru")]
    [InlineData("fashion-transformer")]
    [InlineData("fashion-cnn-qdq")]
    [InlineData("fashion-nested")]
    [InlineData("fashion-cnn-2-4")]
    [InlineData("fashion-cnn-low-rank")]
    [InlineData("fashion-cnn-pruned")]
    [InlineData("fashion-mlp-phm")]
    [InlineData("fashion-ftwt")]
    [InlineData("fashion-bnn-vgg")]
    [InlineData("fashion-bnn-vgg-mst")]
    [InlineData("fashion-bnn-vgg-mst-signed")]
    [InlineData("fashion-bnn-resnet")]
    public void Predicts_as_in_training(string model)
    {
        using var engine = EngineModel.Load(Repository.Model($"{model}/model.onnx"));
        using var facts = JsonDocument.Parse(File.ReadAllBytes(Repository.Model($"{model}/accuracy.json")));
        Compare(model, engine, facts.RootElement, facts.RootElement);
    }

    [DataTheory(FashionMnist.Images, FashionMnist.Labels)]
    [InlineData("fashion-nested")]
    public void Parts_of_a_nested_network_predict_as_in_training(string model)
    {
        using var facts = JsonDocument.Parse(File.ReadAllBytes(Repository.Model($"{model}/accuracy.json")));
        var parts = facts.RootElement.GetProperty("sub_networks").EnumerateArray().ToList();
        Assert.True(parts.Count >= 5);
        foreach (var part in parts)
        {
            using var engine = EngineModel.Load(Repository.Model($"{model}/model.onnx"), m => m.Select(Choice(part, "width"), Choice(part, "depth"), Choice(part, "kernel")));
            Compare($"{model}, {engine.Part}", engine, facts.RootElement, part);
        }
    }

    private static Dictionary<string, int> Choice(JsonElement part, string kind) => part.GetProperty(kind).EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt32());

    private void Compare(string name, EngineModel engine, JsonElement model, JsonElement expected)
    {
        string folder = Path.GetDirectoryName(engine.Path)!;
        long[] dims = [.. model.GetProperty("input_shape").EnumerateArray().Select(d => d.GetInt64())];
        int expectedCorrect = expected.GetProperty("correct").GetInt32();
        byte[] predictions = File.ReadAllBytes(Path.Combine(folder, expected.GetProperty("predictions").GetString()!)), labels = FashionMnist.ReadLabels();
        float[] images = FashionMnist.ReadImages();
        Assert.Equal((predictions.Length, predictions.Length * FashionMnist.Pixels), (labels.Length, images.Length));

        const int batch = 100;
        int correct = 0, differing = 0, clear = 0;
        for (int first = 0; first < labels.Length; first += batch)
        {
            var x = Tensor.From<float>(new Shape([batch, .. dims]), images.AsSpan(first * FashionMnist.Pixels, batch * FashionMnist.Pixels));
            var logits = Assert.Single(engine.Run(x)).Span<float>();
            int classes = logits.Length / batch;
            for (int i = 0; i < batch; i++)
            {
                var (best, margin) = Top(logits.Slice(i * classes, classes));
                if (best == labels[first + i]) correct++;
                if (best == predictions[first + i]) continue;
                differing++;
                if (margin >= UnclearMargin) clear++;
            }
        }
        output.WriteLine(table.AddClasses(name, labels.Length, expectedCorrect, correct, differing, clear));
        Assert.Equal(0, clear);
        Assert.InRange(correct, expectedCorrect - differing, expectedCorrect + differing);
    }

    private static (int Best, float Margin) Top(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++) if (logits[i] > logits[best]) best = i;
        float second = float.NegativeInfinity;
        for (int i = 0; i < logits.Length; i++) if (i != best) second = Math.Max(second, logits[i]);
        return (best, logits[best] - second);
    }
}
