using Engine.Tensors;

namespace Engine.Bench;

/// <summary>
/// One transformer encoder layer, x[1, sequence, hidden] → y of the same shape, in the small operators that PyTorch exports:
/// y = norm(h + W₂ gelu(W₁ h)), h = norm(x + Wo softmax(QKᵀ / √d) V), normalized after the sum as in BERT.
/// </summary>
internal sealed class EncoderNetwork
{
    private readonly OnnxBuilder _model;
    private readonly NetworkWeights _weights = new(2);
    private readonly int _hidden, _heads, _sequence;
    private string _prefix = "";

    private EncoderNetwork(int hidden, int heads, int sequence, string name = "encoder") => (_hidden, _heads, _sequence, _model) = (hidden, heads, sequence, new(name));

    public static OnnxBuilder Create(int hidden = 768, int heads = 12, int sequence = 128, int inner = 3072)
    {
        var n = new EncoderNetwork(hidden, heads, sequence);
        n.Layer(n._model.Input("x", 1, sequence, hidden), inner);
        n._model.Output(n._model.Rename("y"), 1, sequence, hidden);
        return n._model;
    }

    /// <summary>Layers over windows of tokens, and 20 classes of the newest token: what continual inference runs token by token.</summary>
    public static OnnxBuilder Newest(string name, int layers, int hidden, int tokens, int heads = 8)
    {
        var n = new EncoderNetwork(hidden, heads, tokens, name);
        string x = n._model.Input("x", 1, tokens, hidden);
        for (int i = 0; i < layers; i++)
        {
            n._prefix = $"layer{i}.";
            x = n.Layer(x, 4 * hidden);
        }
        n.Linear(n._model.Node("Gather", [x, n._model.Constant("newest", () => Tensor.Scalar(tokens - 1L))], ("axis", 1L)), "classes", hidden, 20);
        n._model.Output(n._model.Rename("y"), 1, 20);
        return n._model;
    }

    private string Layer(string x, int inner)
    {
        string h = Norm(_model.Node("Add", [Attention(x), x]), "attention.norm");
        string y = Linear(Gelu(Linear(h, "ffn.up", _hidden, inner)), "ffn.down", inner, _hidden);
        return Norm(_model.Node("Add", [y, h]), "ffn.norm");
    }

    private string Attention(string x)
    {
        string q = Heads(Linear(x, "query", _hidden, _hidden), 0, 2, 1, 3), k = Heads(Linear(x, "key", _hidden, _hidden), 0, 2, 3, 1), v = Heads(Linear(x, "value", _hidden, _hidden), 0, 2, 1, 3);
        string root = _model.Constant("head.root", () => NetworkWeights.Scalar(MathF.Sqrt(_hidden / (float)_heads)));
        string scores = _model.Node("Div", [_model.Node("MatMul", [q, k]), root]);
        string mixed = _model.Node("MatMul", [_model.Node("Softmax", [scores], ("axis", -1L)), v]);
        string joined = Reshape(_model.Node("Transpose", [mixed], ("perm", new long[] { 0, 2, 1, 3 })), "joined", 1, _sequence, _hidden);
        return Linear(joined, "attention.out", _hidden, _hidden);
    }

    private string Heads(string x, params long[] order) => _model.Node("Transpose", [Reshape(x, "split", 1, _sequence, _heads, _hidden / _heads)], ("perm", order));

    private string Reshape(string x, string shape, params long[] dims) => _model.Node("Reshape", [x, _model.Constant($"{shape}.shape", () => Tensor.From(new Shape(dims.Length), dims))]);

    private string Linear(string x, string layer, int from, int to)
    {
        string w = _model.Constant($"{_prefix}{layer}.weight", () => _weights.Normal(Math.Sqrt(1.0 / from), from, to));
        return _model.Node("Add", [_model.Constant($"{_prefix}{layer}.bias", () => _weights.Normal(0.02, to)), _model.Node("MatMul", [x, w])]);
    }

    private string Gelu(string x)
    {
        string erf = _model.Node("Erf", [_model.Node("Div", [x, _model.Constant("root2", () => NetworkWeights.Scalar(MathF.Sqrt(2)))])]);
        string one = _model.Node("Add", [erf, _model.Constant("one", () => NetworkWeights.Scalar(1))]);
        return _model.Node("Mul", [_model.Node("Mul", [x, one]), _model.Constant("half", () => NetworkWeights.Scalar(0.5f))]);
    }

    private string Norm(string x, string layer)
    {
        var one = Tensor.Allocate(DType.F32, new Shape(_hidden));
        one.Span<float>().Fill(1);
        return _model.Node("LayerNormalization", [x, _model.Constant($"{_prefix}{layer}.weight", () => one), _model.Constant($"{_prefix}{layer}.bias", () => _weights.Normal(0.02, _hidden))], ("axis", -1L), ("epsilon", 1e-5f));
    }
}
