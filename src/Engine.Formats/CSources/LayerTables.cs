using Engine.Tensors;

namespace Engine.Formats.CSources;

/// <summary>
/// A dense layer (<see cref="Recurrent"/> null) or a GRU as RNNoise and Opus store them: codes [inputs, gates · neurons] and [neurons, gates · neurons], bias [gates · neurons], gates in the order
/// update, reset, output. A weight, and a bias, is its code times one scale of the network.
/// </summary>
internal sealed record LayerTables(string Name, int Inputs, int Neurons, sbyte[] Weights, sbyte[]? Recurrent, sbyte[] Bias, string Activation)
{
    private const int MaxSize = 1 << 14, GruGates = 3;

    private static readonly string[] s_activations = ["Tanh", "Sigmoid", "Relu"];

    public int Gates => Recurrent is null ? 1 : GruGates;

    /// <summary>The layer of a record {bias, weights, recurrent weights of a GRU, inputs, neurons, activation}; where a GRU has no activation it is tanh.</summary>
    public static LayerTables Of(CTables tables, string name)
    {
        var r = tables.Record(name);
        int gru = r.Type == "GRULayer" ? 1 : r.Type == "DenseLayer" ? 0 : throw Fail($"is a {r.Type}, expected a DenseLayer or a GRULayer");
        if (r.Fields.Count != 5 + gru && (gru == 0 || r.Fields.Count != 5)) throw Fail($"has {r.Fields.Count} fields, expected {5 + gru}");
        int inputs = Size(2 + gru, "inputs"), neurons = Size(3 + gru, "neurons"), columns = (gru == 0 ? 1 : GruGates) * neurons;
        return new(name, inputs, neurons, Table(1, inputs * columns), gru == 0 ? null : Table(2, neurons * columns), Table(0, columns), r.Fields.Count > 4 + gru ? Activation(r.Fields[4 + gru]) : s_activations[0]);

        InvalidModelException Fail(string message) => new($"layer '{name}' {message}", tables.File);

        int Size(int i, string what) => r.Fields[i] is { Name: null, Number: > 0 and <= MaxSize and var n } ? n : throw Fail($"states {r.Fields[i].Name ?? r.Fields[i].Number.ToString(System.Globalization.CultureInfo.InvariantCulture)} {what}, expected 1 to {MaxSize}");

        sbyte[] Table(int i, int length)
        {
            var t = tables.Table(r.Fields[i].Name ?? throw Fail($"has the number {r.Fields[i].Number} in place of a table"));
            return t.Length == length ? t : throw Fail($"reads {length} numbers of '{r.Fields[i].Name}', which holds {t.Length}");
        }

        string Activation(CField f) => f.Name switch
        {
            null => f.Number >= 0 && f.Number < s_activations.Length ? s_activations[f.Number] : throw Fail($"has activation {f.Number}, expected 0 to {s_activations.Length - 1}"),
            "ACTIVATION_TANH" => s_activations[0],
            "ACTIVATION_SIGMOID" => s_activations[1],
            "ACTIVATION_RELU" => s_activations[2],
            var other => throw Fail($"has activation {other}, expected ACTIVATION_TANH, ACTIVATION_SIGMOID or ACTIVATION_RELU"),
        };
    }
}
