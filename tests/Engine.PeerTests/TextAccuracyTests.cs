using System.Text.Json;
using Engine.Tensors;
using Xunit.Abstractions;

namespace Engine.PeerTests;

/// <summary>The byte-level language models on held-out text, as trained; what compression makes of them is in <see cref="CompressionAccuracyTests"/>.</summary>
[Collection(AccuracyCollection.Name)]
public sealed class TextAccuracyTests(AccuracyTable table, ITestOutputHelper output)
{
    private const int Batch = 32;

    [Theory]
    [InlineData("byte-gpt", "f32")]
    [InlineData("byte-gpt-ternary", "trained at −1, 0, +1; groups of 64")]
    public void Predicts_the_text_as_in_training(string name, string weights)
    {
        using var facts = JsonDocument.Parse(File.ReadAllBytes(Repository.Model($"{name}/accuracy.json")));
        double trained = facts.RootElement.GetProperty("bits_per_byte").GetDouble();
        int context = facts.RootElement.GetProperty("context").GetInt32(), windows = facts.RootElement.GetProperty("windows").GetInt32();
        byte[] text = File.ReadAllBytes(Repository.Model($"{name}/{facts.RootElement.GetProperty("text").GetString()}"));

        using var model = Model.Load(Repository.Model($"{name}/model.onnx"));
        using var session = model.CreateSession();
        double sum = 0;
        for (int first = 0; first < windows; first += Batch)
        {
            var x = Tensor.Allocate(DType.I64, new Shape(Batch, context));
            for (int i = 0; i < Batch * context; i++) x.Span<long>()[i] = text[first * context + i];
            var results = new RuntimeValue?[1];
            session.Run([x], results);
            var logits = ((Tensor)results[0]!).Span<float>();
            for (int i = 0; i < Batch * context; i++) sum += Bits(logits.Slice(256 * i, 256), text[first * context + i + 1]);
        }
        double mean = sum / (windows * context);
        output.WriteLine(table.AddText(name, weights, model.WeightBytes, mean, mean - trained));
        Assert.InRange(mean, trained - 1e-3, trained + 1e-3);
    }

    // −log2 of the softmax at the byte that came.
    internal static double Bits(ReadOnlySpan<float> logits, byte next)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float v in logits) largest = Math.Max(largest, v);
        foreach (float v in logits) sum += Math.Exp(v - largest);
        return (Math.Log(sum) - (logits[next] - largest)) / Math.Log(2);
    }
}
