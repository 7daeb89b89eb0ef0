using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class ReductionKernels
{
    public static void Register(KernelRegistry r)
    {
        r.Add<ArgMax>("arg-extreme", AlongAxisCpu.BindArg);
        r.Add<ArgMin>("arg-extreme", AlongAxisCpu.BindArg);
        r.Add<CumSum>("cumsum", AlongAxisCpu.BindCumSum);
        r.Add<Hardmax>("softmax", AlongAxisCpu.BindSoftmax);
        r.Add<LogSoftmax>("softmax", AlongAxisCpu.BindSoftmax);
        r.Add<NegativeLogLikelihoodLoss>("loss", LossCpu.Bind);
        r.Add<ReduceL1>("reduce", ReduceCpu.Bind);
        r.Add<ReduceL2>("reduce", ReduceCpu.Bind);
        r.Add<ReduceLogSum>("reduce", ReduceCpu.Bind);
        r.Add<ReduceLogSumExp>("reduce", ReduceCpu.Bind);
        r.Add<ReduceMax>("reduce", ReduceCpu.Bind);
        r.Add<ReduceMean>("reduce", ReduceCpu.Bind);
        r.Add<ReduceMin>("reduce", ReduceCpu.Bind);
        r.Add<ReduceProd>("reduce", ReduceCpu.Bind);
        r.Add<ReduceSum>("reduce", ReduceCpu.Bind);
        r.Add<ReduceSumSquare>("reduce", ReduceCpu.Bind);
        r.Add<Softmax>("softmax", AlongAxisCpu.BindSoftmax);
        r.Add<SoftmaxCrossEntropyLoss>("loss", LossCpu.Bind);
    }
}
