using System.Text.Json;
using Engine.Formats.Onnx;
using Engine.Tensors;
using Xunit.Abstractions;

namespace Engine.PeerTests;

/// <summary>The byte-level language models on held-out text: as trained, and with weights rounded to fewer bits.</summary>
[Collection(AccuracyCollection.Name)]
public sealed class TextAccuracyTests(AccuracyTable table, ITestOutputHelper output)
{
    private const int Batch = 32;

    [Theory]
    [InlineData("byte-gpt", 0, 0, 1e-3)]
    [InlineData("byte-gpt", 8, 32, 2e-3)]
    [InlineData("byte-gpt", 4, 32, 0.03)]
    [InlineData("byte-gpt", 3, 32, 0.2)]
    [InlineData("byte-gpt", 2, 64, 4)]
    [InlineData("byte-gpt-ternary", 0, 0, 1e-3)]
    public void Predicts_the_text_nearly_as_in_training(string name, int bits, int group, double bound)
    {
        using var facts = JsonDocument.Parse(File.ReadAllBytes(Repository.Model($"{name}/accuracy.json")));
        double trained = facts.RootElement.GetProperty("bits_per_byte").GetDouble();
        int context = facts.RootElement.GetProperty("context").GetInt32(), windows = facts.RootElement.GetProperty("windows").GetInt32();
        byte[] text = File.ReadAllBytes(Repository.Model($"{name}/{facts.RootElement.GetProperty("text").GetString()}"));

        var definition = OnnxModelReader.Load(Repository.Model($"{name}/model.onnx"));
        if (bits > 0) RoundToNearest.Apply(definition.Graph, bits, group);
        using var model = Model.Create(definition);
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
        string weights = bits == 0 ? name == "byte-gpt" ? "f32" : "trained at −1, 0, +1; groups of 64" : bits == 2 ? "rounded to −1, 0, +1; groups of 64" : $"rounded to int{bits}; groups of {group}";
        output.WriteLine(table.AddText(name, weights, model.WeightBytes, mean, mean - trained));
        Assert.InRange(mean, trained - bound, trained + bound);
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
