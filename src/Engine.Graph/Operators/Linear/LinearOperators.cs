namespace Engine.Graph.Operators;

internal static class LinearOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("Det", a => new Det(a));
        r.Add("Einsum", a => new Einsum(a));
        r.Add("FusedGemm", a => new FusedGemm(a), "com.microsoft");
        r.Add("FusedMatMul", a => new FusedMatMul(a), "com.microsoft");
        r.Add("Gemm", a => new Gemm(a));
        r.Add("MatMul", a => new MatMul(a));
    }
}
