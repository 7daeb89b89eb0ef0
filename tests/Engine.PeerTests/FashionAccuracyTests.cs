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
    public void Predicts_as_in_training(string model)
    {
        using var engine = EngineModel.Load(Repository.Model($"{model}/model.onnx"));
        using var facts = JsonDocument.Parse(File.ReadAllBytes(Repository.Model($"{model}/accuracy.json")));
        long[] dims = [.. facts.RootElement.GetProperty("input_shape").EnumerateArray().Select(d => d.GetInt64())];
        int expectedCorrect = facts.RootElement.GetProperty("correct").GetInt32();
        byte[] predictions = File.ReadAllBytes(Repository.Model($"{model}/predictions.bin")), labels = FashionMnist.ReadLabels();
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
        output.WriteLine(table.AddClasses(model, labels.Length, expectedCorrect, correct, differing, clear));
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
