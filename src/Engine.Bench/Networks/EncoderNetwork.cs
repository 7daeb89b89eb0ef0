using Engine.Tensors;

namespace Engine.Bench;

/// <summary>
/// One transformer encoder layer, x[1, sequence, hidden] → y of the same shape, in the small operators that PyTorch exports:
/// y = norm(h + W₂ gelu(W₁ h)), h = norm(x + Wo softmax(QKᵀ / √d) V), normalized after the sum as in BERT.
/// </summary>
internal sealed class EncoderNetwork
{
    private readonly OnnxBuilder _model = new("encoder");
    private readonly NetworkWeights _weights = new(2);
    private readonly int _hidden, _heads, _sequence;

    private EncoderNetwork(int hidden, int heads, int sequence) => (_hidden, _heads, _sequence) = (hidden, heads, sequence);

    public static OnnxBuilder Create(int hidden = 768, int heads = 12, int sequence = 128, int inner = 3072)
    {
        var n = new EncoderNetwork(hidden, heads, sequence);
        string x = n._model.Input("x", 1, sequence, hidden);
        string h = n.Norm(n._model.Node("Add", [n.Attention(x), x]), "attention.norm");
        string y = n.Linear(n.Gelu(n.Linear(h, "ffn.up", hidden, inner)), "ffn.down", inner, hidden);
        n.Norm(n._model.Node("Add", [y, h]), "ffn.norm");
        n._model.Output(n._model.Rename("y"), 1, sequence, hidden);
        return n._model;
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
        string w = _model.Constant($"{layer}.weight", () => _weights.Normal(Math.Sqrt(1.0 / from), from, to));
        return _model.Node("Add", [_model.Constant($"{layer}.bias", () => _weights.Normal(0.02, to)), _model.Node("MatMul", [x, w])]);
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
        return _model.Node("LayerNormalization", [x, _model.Constant($"{layer}.weight", () => one), _model.Constant($"{layer}.bias", () => _weights.Normal(0.02, _hidden))], ("axis", -1L), ("epsilon", 1e-5f));
    }
}
