using System.Globalization;
using System.Text.RegularExpressions;

namespace Engine.Tests.Formats.CSources;

/// <summary>
/// Dense and GRU layers as RNNoise (rnn.c) and Opus (mlp.c) define them, in plain loops of double over the tables of the C source, read here by regular expressions.
/// </summary>
/// <param name="source">The C source.</param>
/// <param name="scale">What a code stands for.</param>
/// <param name="lookup">True for tanh as the C programs look it up; else it is exact.</param>
internal sealed class PublishedNetwork(string source, double scale, bool lookup = false)
{
    private readonly Dictionary<string, double[]> _states = [], _tables = [];

    /// <summary>RNNoise's network: gains of the bands, then the probability of speech.</summary>
    public double[] Rnnoise(double[] features)
    {
        double[] dense = Dense("input_dense", features, Tanh);
        double[] voice = Gru("vad_gru", dense, Relu);
        double[] noise = Gru("noise_gru", [.. dense, .. voice, .. features], Relu);
        double[] clean = Gru("denoise_gru", [.. voice, .. noise, .. features], Relu);
        return [.. Dense("denoise_output", clean, Sigmoid), .. Dense("vad_output", voice, Sigmoid)];
    }

    /// <summary>Opus' network: the probabilities of music and of any activity.</summary>
    public double[] Opus(double[] features) => Dense("layer2", Gru("layer1", Dense("layer0", features, Tanh), Tanh), Sigmoid);

    // The GRUs of the published RNNoise network have ACTIVATION_RELU.
    private static double Relu(double x) => Math.Max(0, x);

    private double[] Dense(string name, double[] x, Func<double, double> f)
    {
        double[] weights = Table($"{name}_weights"), y = [.. Table($"{name}_bias")];
        int n = y.Length;
        Assert.Equal(n * x.Length, weights.Length);
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < x.Length; j++) y[i] += weights[j * n + i] * x[j];
            y[i] = f(scale * y[i]);
        }
        return y;
    }

    private double[] Gru(string name, double[] x, Func<double, double> f)
    {
        double[] weights = Table($"{name}_weights"), recurrent = Table(source.Contains($"{name}_recurrent_weights", StringComparison.Ordinal) ? $"{name}_recurrent_weights" : $"{name}_recur_weights"), bias = Table($"{name}_bias");
        int n = bias.Length / 3;
        Assert.Equal(3 * n * x.Length, weights.Length);
        Assert.Equal(3 * n * n, recurrent.Length);
        double[] state = _states.GetValueOrDefault(name) ?? new double[n], z = new double[n], r = new double[n], next = new double[n];
        double Sum(int gate, int i, Func<int, double> of)
        {
            double sum = bias[gate * n + i];
            for (int j = 0; j < x.Length; j++) sum += weights[j * 3 * n + gate * n + i] * x[j];
            for (int j = 0; j < n; j++) sum += recurrent[j * 3 * n + gate * n + i] * of(j);
            return scale * sum;
        }
        for (int i = 0; i < n; i++) (z[i], r[i]) = (Sigmoid(Sum(0, i, j => state[j])), Sigmoid(Sum(1, i, j => state[j])));
        for (int i = 0; i < n; i++) next[i] = z[i] * state[i] + (1 - z[i]) * f(Sum(2, i, j => state[j] * r[j]));
        return _states[name] = next;
    }

    private double Sigmoid(double x) => .5 + .5 * Tanh(.5 * x);

    // The C programs' table holds tanh(i / 25), i from 0 to 200, to six digits.
    private double Tanh(double x)
    {
        if (!lookup) return Math.Tanh(x);
        if (Math.Abs(x) >= 8) return Math.Sign(x);
        int i = (int)Math.Floor(.5 + 25 * Math.Abs(x));
        double d = Math.Abs(x) - .04 * i, y = Math.Round(Math.Tanh(i / 25.0), 6);
        return Math.Sign(x) * (y + d * (1 - y * y) * (1 - y * d));
    }

    private double[] Table(string name)
    {
        if (_tables.TryGetValue(name, out var known)) return known;
        var m = Regex.Match(source, $@"\b{name}\[\d+\] = \{{([^}}]*)\}}");
        Assert.True(m.Success, name);
        return _tables[name] = [.. m.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
    }
}
