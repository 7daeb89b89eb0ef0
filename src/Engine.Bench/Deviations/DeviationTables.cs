using Engine.Cli;
using Engine.Graph;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>What <c>engine-bench deviations</c> measures; see <see cref="DeviationsCommand"/>.</summary>
internal static class DeviationTables
{
    private const int Seed = 9;

    // Highest frequency of the sensors' signals in cycles a sample: 4 of 32 Hz, 40 of 256 Hz, 8 of 32 Hz.
    private static readonly Sensor[] s_sensors =
    [
        new("ppg", (past, features) => SensorNetworks.Ppg(past: past, features: features).Graph, 256, 1, 0.125, [64, 32], [40, 24]),
        new("eeg", (_, features) => SensorNetworks.Eeg(features: features).Graph, 1024, 22, 0.15625, [256, 128], [200, 100]),
        new("accelerometer", (_, features) => SensorNetworks.Accelerometer(features: features).Graph, 960, 3, 0.25, [160, 80], []),
    ];

    private static readonly int[] s_pasts = [0, 64, 128, 192, 256, 320, 384];

    private static readonly double[] s_frequencies = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.45];

    public static IReadOnlyList<string> Names { get; } = [.. s_sensors.Select(s => s.Name)];

    /// <summary>Steps of all tables.</summary>
    public static int Steps(IReadOnlyCollection<string> only) => s_pasts.Length + s_frequencies.Length + s_sensors.Where(s => only.Contains(s.Name)).Sum(s => s.Hops.Length + s.MisalignedHops.Length);

    /// <summary>The PPG network of windows with so many samples before them against the stream, which has seen all.</summary>
    public static Table Past(int windows, Action<string> step, CancellationToken cancellation)
    {
        const int Hop = 64;
        var s = s_sensors[0];
        var t = new Table(new("samples before the window", "past"), new("features, f32", "features_f32", "0.0e+0"), new("features, f64", "features_f64", "0.0e+0"), new("result, f32", "result_f32", "0.0e+0"), new("result, f64", "result_f64", "0.0e+0"), new("windows", "windows"));
        double[] signal = s.Signal(windows, Hop);
        var networks = (from features in (bool[])[true, false] from type in (DType[])[DType.F32, DType.F64] select s.Network(features, type)).ToArray();
        var streams = networks.Select(r => r.Streamed(signal, s.Channels, new() { Hop = Hop })).ToArray();
        foreach (int past in s_pasts)
        {
            step($"{past} samples before");
            cancellation.ThrowIfCancellationRequested();
            // The same windows in every row: those with the most samples before them.
            var errors = networks.Select((r, i) => ResultError.Of(r.ByThemselves(signal, s.Channels, Hop, past).Where(w => w.Key >= s.Window + s_pasts[^1]).ToDictionary(), streams[i])).ToArray();
            t.Add(past, errors[0].Nrmse, errors[1].Nrmse, errors[2].Nrmse, errors[3].Nrmse, errors[0].Results);
        }
        return t;
    }

    /// <summary>Every mode of the networks on a stream, against windows that see the true past and future, and against windows by themselves.</summary>
    public static Table Modes(IReadOnlyCollection<string> only, int windows, Action<string> step, CancellationToken cancellation)
    {
        var t = new Table(new("network", "network"), new("window", "window"), new("hop", "hop"), new("mode", "mode"), new("features", "features", "0.0e+0"), new("result", "result", "0.0e+0"), new("result from windows by themselves", "alone", "0.0e+0"), new("shifted by at most, samples", "shift"), new("windows", "windows"));
        foreach (var s in s_sensors.Where(s => only.Contains(s.Name)))
            foreach (int hop in s.Hops.Concat(s.MisalignedHops))
            {
                step($"{s.Name}, hop {hop}");
                double[] signal = s.Signal(windows, hop);
                WindowResults features = s.Network(true), results = s.Network(false);
                Dictionary<long, double[]> exactFeatures = features.Exact(signal, s.Channels, hop), exact = results.Exact(signal, s.Channels, hop), alone = results.ByThemselves(signal, s.Channels, hop);
                string[] modes = s.Hops.Contains(hop) ? ["exact", "approximate"] : ["misaligned"];
                foreach (string mode in modes)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var options = new StreamOptions { Hop = hop, Approximate = mode == "approximate", Misaligned = mode == "misaligned" };
                    Dictionary<long, double[]> Late(WindowResults r) => r.Streamed(signal, s.Channels, options).Where(w => w.Key >= 2 * s.Window).ToDictionary();
                    var streamed = Late(results);
                    var error = ResultError.Of(streamed, exact);
                    t.Add(s.Name, s.Window, hop, mode, ResultError.Of(Late(features), exactFeatures).Nrmse, error.Nrmse, ResultError.Of(streamed, alone).Nrmse, mode == "misaligned" ? results.Shift(hop) : 0, error.Results);
                }
            }
        return t;
    }

    /// <summary>A pool whose windows do not lie as in a window by itself, and the PPG network of hops that its strides do not divide, by the highest frequency of the signal.</summary>
    public static Table Misaligned(int windows, Action<string> step, CancellationToken cancellation)
    {
        const int Pool = 16, Hop = 40;
        var s = s_sensors[0];
        var t = new Table(new("highest frequency, cycles a sample", "frequency", "0.###"), new("average of 16: largest difference", "average", "0.0000"), new("maximum of 16: largest difference", "maximum", "0.0000"), new("bound, 2π·f·15 up to 2", "bound", "0.0000"), new("ppg, hop 40: features", "ppg", "0.0e+0"));
        foreach (double f in s_frequencies)
        {
            step($"frequency {f}");
            cancellation.ThrowIfCancellationRequested();
            double[] tone = SensorSignal.Tone(Pool * (8 + 3 * windows), f);
            double[] largest = [.. ((string[])["AveragePool", "MaxPool"]).Select(op =>
            {
                // A hop that shares no factor with the pool: every place of a window between its frames.
                var pool = new WindowResults(_ => PoolOver(op, Pool), 8 * Pool, DType.F32);
                return ResultError.Of(pool.Streamed(tone, 1, new() { Hop = Pool + 1, Misaligned = true }), pool.ByThemselves(tone, 1, Pool + 1)).Largest;
            })];
            var network = s.Network(features: true);
            double[] signal = SensorSignal.Tonal(3 * s.Window + windows * Hop, s.Channels, f, Seed);
            var streamed = network.Streamed(signal, s.Channels, new() { Hop = Hop, Misaligned = true }).Where(w => w.Key >= 2 * s.Window).ToDictionary();
            t.Add(f, largest[0], largest[1], Math.Min(2, 2 * Math.PI * f * (Pool - 1)), ResultError.Of(streamed, network.Exact(signal, s.Channels, Hop)).Nrmse);
        }
        return t;
    }

    private static ModelGraph PoolOver(string op, int length)
    {
        var m = new OnnxBuilder("pool");
        string x = m.Input("x", 1, 1, 8 * length);
        string pooled = m.Node(op, [x], ("kernel_shape", new long[] { length }), ("strides", new long[] { length }));
        // What sees the frames of a window at once.
        m.Node("MatMul", [pooled, m.Constant("same", () =>
        {
            var same = NetworkWeights.Filled(0, 8, 8);
            for (int i = 0; i < 8; i++) same.Span<float>()[9 * i] = 1;
            return same;
        })]);
        m.Output(m.Rename("y"), 1, 1, 8);
        return m.Graph;
    }

    private sealed record Sensor(string Name, Func<int, bool, ModelGraph> Make, int Window, int Channels, double Highest, int[] Hops, int[] MisalignedHops)
    {
        public WindowResults Network(bool features, DType type = DType.F32) => new(past => Make(past, features), Window, type);

        public double[] Signal(int windows, int hop) => SensorSignal.Tonal(3 * Window + windows * hop, Channels, Highest, Seed);
    }
}
