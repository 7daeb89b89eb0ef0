namespace Engine.Graph.Operators;

internal static class ReductionOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("ArgMax", a => new ArgMax(a));
        r.Add("ArgMin", a => new ArgMin(a));
        r.Add("CumSum", a => new CumSum(a));
        r.Add("Hardmax", a => new Hardmax(a));
        r.Add("LogSoftmax", a => new LogSoftmax(a));
        r.Add("NegativeLogLikelihoodLoss", a => new NegativeLogLikelihoodLoss(a));
        r.Add("ReduceL1", a => new ReduceL1(a));
        r.Add("ReduceL2", a => new ReduceL2(a));
        r.Add("ReduceLogSum", a => new ReduceLogSum(a));
        r.Add("ReduceLogSumExp", a => new ReduceLogSumExp(a));
        r.Add("ReduceMax", a => new ReduceMax(a));
        r.Add("ReduceMean", a => new ReduceMean(a));
        r.Add("ReduceMin", a => new ReduceMin(a));
        r.Add("ReduceProd", a => new ReduceProd(a));
        r.Add("ReduceSum", a => new ReduceSum(a));
        r.Add("ReduceSumSquare", a => new ReduceSumSquare(a));
        r.Add("Softmax", a => new Softmax(a));
        r.Add("SoftmaxCrossEntropyLoss", a => new SoftmaxCrossEntropyLoss(a));
    }
}
