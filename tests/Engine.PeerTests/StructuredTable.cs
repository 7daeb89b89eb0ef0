using System.Globalization;
using System.Text;
using Engine.Bench;

namespace Engine.PeerTests;

/// <summary>The rows of one network in every scheme; what the models take is timed side by side once all are there.</summary>
public sealed class StructuredTable : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, (string Name, Model Model, long Bytes, double Lost, double Accuracy)> _rows = [];

    /// <summary>A model, which is the table's from here on; the row of the smallest number is what others are compared with.</summary>
    public void Add(int row, string name, Model model, long bytes, double exact, double accuracy)
    {
        lock (_lock) _rows[row] = (name, model, bytes, exact - accuracy, accuracy);
    }

    /// <summary>Times all models in turn, one thread, one image, and appends the table.</summary>
    public void Append(StringBuilder text)
    {
        if (_rows.Count == 0) return;
        var rows = _rows.Values.ToList();
        var sessions = rows.ConvertAll(r => r.Model.CreateSession(new SessionOptions { Threads = 1 }));
        try
        {
            float[] image = FashionMnist.ReadImages()[..FashionMnist.Pixels], logits = new float[10];
            var times = Interleaved.Measure(sessions.ConvertAll(s => (Action)(() => s.Run<float, float>(image, logits))), new InterleavedSettings { Rounds = 100, MinSample = TimeSpan.FromMilliseconds(1) });
            text.Append("\n## Fashion-MNIST CNN in every scheme: size, latency, accuracy\n\n");
            text.Append("`fashion-cnn` compressed after training with 512 training images, and networks that were trained in a scheme (2:4 by SR-STE, low rank by TRP, half of the channels by group lasso), as they are and coded.\n");
            text.Append("Latency: one image, one thread, median of 100 rounds of 1 ms in turn; what it is of the float network's, with its 95 % interval.\n\n");
            text.Append("| model | scheme | .engine file | accuracy | points lost | µs | of float's time |\n|---|---|---:|---:|---:|---:|---:|\n");
            for (int i = 0; i < rows.Count; i++)
                text.Append(CultureInfo.InvariantCulture, $"| {rows[i].Name} | {rows[i].Bytes / 1000.0:0.0} kB | {rows[i].Accuracy:P2} | {rows[i].Lost * 100:0.00} | {times.Median(i) / 1000:0.0} | {times.Ratio(i, 0)} |\n");
        }
        finally
        {
            foreach (var s in sessions) s.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var r in _rows.Values) r.Model.Dispose();
    }
}
