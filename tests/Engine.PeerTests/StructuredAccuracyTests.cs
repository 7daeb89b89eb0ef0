using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;
using Xunit.Abstractions;

namespace Engine.PeerTests;

/// <summary>One network in every scheme: compressed after training, and trained in it.</summary>
[Collection(AccuracyCollection.Name)]
public sealed class StructuredAccuracyTests(AccuracyTable table, ITestOutputHelper output)
{
    private const string Float = "fashion-cnn";

    // Model, recipe, points of the float network's accuracy that may be lost.
    private static readonly (string Model, string Recipe, double Points)[] s_rows =
    [
        (Float, "float", 0),
        (Float, "int8", 0.3),
        (Float, "int4", 1),
        (Float, "low-rank:75%", 2),
        (Float, "low-rank:75%+int8", 2),
        (Float, "low-rank:75%+int4", 2.5),
        (Float, "spatial:75%", 1),
        (Float, "spatial:75%+int8", 1),
        (Float, "tucker:75%", 1.5),
        (Float, "2:4", 1),
        (Float, "2:4+int8", 1),
        (Float, "2:4+int4", 1.5),
        (Float, "prune:0.5", 6),
        (Float, "prune:0.5+int8", 6),
        ("fashion-cnn-2-4", "2:4", 0.3),
        ("fashion-cnn-2-4", "2:4+int8", 0.4),
        ("fashion-cnn-2-4", "2:4+int4", 0.8),
        ("fashion-cnn-low-rank", "float", 1.5),
        ("fashion-cnn-low-rank", "int8", 1.5),
        ("fashion-cnn-low-rank", "int4", 2),
        ("fashion-cnn-pruned", "float", 1.2),
        ("fashion-cnn-pruned", "int8", 1.2),
        ("fashion-cnn-pruned", "int4", 2),
    ];

    public static TheoryData<int, string, string> Rows()
    {
        var data = new TheoryData<int, string, string>();
        for (int i = 0; i < s_rows.Length; i++) data.Add(i, s_rows[i].Model, s_rows[i].Recipe);
        return data;
    }

    [DataTheory(FashionMnist.Images, FashionMnist.Labels, FashionMnist.TrainingImages), MemberData(nameof(Rows))]
    public void Loses_little_accuracy(int row, string model, string recipe)
    {
        var compressed = FashionClassifier.Compress(model, recipe);
        using var file = new MemoryStream();
        EngineFileWriter.Write(compressed.Model, file);
        byte[] labels = FashionMnist.ReadLabels();
        // As another program would load it.
        var loaded = Model.Load(file.ToArray());
        double accuracy = FashionClassifier.Correct(FashionClassifier.Classes(loaded), labels) / (double)labels.Length, exact = Accuracy(Float);
        output.WriteLine($"{model} {recipe}: {accuracy:P2}, {file.Length} bytes");
        table.Structured.Add(row, $"{model} | {recipe}", loaded, file.Length, exact, accuracy);
        Assert.InRange((exact - accuracy) * 100, -1, s_rows[row].Points);
    }

    private static double Accuracy(string model)
    {
        using var facts = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(Repository.Model($"{model}/accuracy.json")));
        return facts.RootElement.GetProperty("correct").GetInt32() / (double)facts.RootElement.GetProperty("total").GetInt32();
    }
}
