namespace Engine.Graph.Operators;

internal static class QuantizedOperators
{
    /// <summary>Domain of the operators that ONNX Runtime adds to ONNX.</summary>
    public const string Microsoft = "com.microsoft";

    public static void Register(OperatorRegistry r)
    {
        r.Add("DequantizeLinear", a => new DequantizeLinear(a));
        r.Add("DequantizeLinear", a => new DequantizeLinear(a, Microsoft), Microsoft);
        r.Add("DynamicQuantizeLinear", a => new DynamicQuantizeLinear(a));
        r.Add("DynamicQuantizeMatMul", a => new DynamicQuantizeMatMul(a), Microsoft);
        r.Add("MatMulInteger", a => new MatMulInteger(a));
        r.Add("MatMulIntegerToFloat", a => new MatMulIntegerToFloat(a), Microsoft);
        r.Add("QGemm", a => new QGemm(a), Microsoft);
        r.Add("QLinearMatMul", a => new QLinearMatMul(a));
        r.Add("ConvInteger", a => new ConvInteger(a));
        r.Add("QLinearConv", a => new QLinearConv(a));
        r.Add("QuantizeLinear", a => new QuantizeLinear(a));
        r.Add("QLinearAdd", a => new QLinearAdd(a), Microsoft);
        r.Add("QLinearMul", a => new QLinearMul(a), Microsoft);
        r.Add("QLinearWhere", a => new QLinearWhere(a), Microsoft);
        r.Add("QLinearConcat", a => new QLinearConcat(a), Microsoft);
        r.Add("QLinearLeakyRelu", a => new QLinearLeakyRelu(a), Microsoft);
        r.Add("QLinearSigmoid", a => new QLinearSigmoid(a), Microsoft);
        r.Add("QLinearSoftmax", a => new QLinearSoftmax(a), Microsoft);
        r.Add("QLinearGlobalAveragePool", a => new QLinearGlobalAveragePool(a), Microsoft);
        r.Add("QLinearAveragePool", a => new QLinearAveragePool(a), Microsoft);
        r.Add("NhwcMaxPool", a => new NhwcMaxPool(a), Microsoft);
        r.Add("QLinearConv", a => new QLinearConv(a, Microsoft), Microsoft);
        r.Add("QuantizeLinear", a => new QuantizeLinear(a, Microsoft), Microsoft);
    }
}
