namespace Engine.Graph.Operators;

/// <summary>Operators of compressed networks that no other domain has; their domain is the engine's own, version 1.</summary>
internal static class OwnOperators
{
    /// <summary>The engine's own domain.</summary>
    public const string Domain = "engine";

    public static void Register(OperatorRegistry r)
    {
        r.Add("BinaryConv", a => new BinaryConv(a), Domain);
        r.Add("BinaryMaxPool", a => new BinaryMaxPool(a), Domain);
        r.Add("BinarySign", a => new BinarySign(a), Domain);
        r.Add("Delay", a => new Delay(a), Domain);
        r.Add("L1Normalization", a => new L1Normalization(a), Domain);
        r.Add("Log2MatMul", a => new Log2MatMul(a), Domain);
        r.Add("Log2Softmax", a => new Log2Softmax(a), Domain);
        r.Add("MaskedConv", a => new MaskedConv(a), Domain);
        r.Add("MatMulShifted", a => new MatMulShifted(a), Domain);
        r.Add("RandomFeatures", a => new RandomFeatures(a), Domain);
        r.Add("RetroactiveAttention", a => new RetroactiveAttention(a), Domain);
        r.Add("SingleOutputAttention", a => new SingleOutputAttention(a), Domain);
        r.Add("TokenKeep", a => new TokenKeep(a), Domain);
    }
}
