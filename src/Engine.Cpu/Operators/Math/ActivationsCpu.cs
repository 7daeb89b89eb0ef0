using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Operators that linear kernels can apply to their f32 results.</summary>
public static class ActivationsCpu
{
    /// <summary>The activation an operator computes; false when it computes none, or takes its parameters from inputs.</summary>
    public static bool TryMap(Operator op, out Activation activation)
    {
        Activation? found = op switch
        {
            Relu => Activation.Relu,
            Clip { HasBounds: true } o => Activation.Clip(o.Low, o.High),
            Sigmoid => Activation.Sigmoid,
            Tanh => Activation.Tanh,
            LeakyRelu o => new(ActivationKind.LeakyRelu, o.Alpha),
            ThresholdedRelu o => new(ActivationKind.ThresholdedRelu, o.Alpha),
            HardSigmoid o => new(ActivationKind.HardSigmoid, o.Alpha, o.Beta),
            HardSwish => new(ActivationKind.HardSwish),
            Elu o => new(ActivationKind.Elu, o.Alpha),
            Celu o => new(ActivationKind.Celu, o.Alpha),
            Selu o => new(ActivationKind.Selu, o.Alpha, o.Gamma),
            Softplus => new(ActivationKind.Softplus),
            Softsign => new(ActivationKind.Softsign),
            Gelu o => new(o.ByTanh ? ActivationKind.GeluTanh : ActivationKind.Gelu),
            Mish => new(ActivationKind.Mish),
            QuickGelu o => new(ActivationKind.Swish, o.Alpha),
            _ => null,
        };
        activation = found.GetValueOrDefault();
        return found is not null;
    }

    internal static void Register(KernelRegistry r)
    {
        r.Add<Relu>("relu", (_, b) => b.In(0).DType == DType.F32 ? UnaryCpu.Float(b, Activation.Relu, default(ReluOp)) : UnaryCpu.Number(b, default(ReluOp)));
        r.Add<Sigmoid>("sigmoid", (_, b) => UnaryCpu.Float(b, Activation.Sigmoid, default(SigmoidOp)));
        r.Add<Tanh>("tanh", (_, b) => UnaryCpu.Float(b, Activation.Tanh, default(TanhOp)));
        r.Add<LeakyRelu>("leaky-relu", (o, b) => UnaryCpu.Float(b, new Activation(ActivationKind.LeakyRelu, o.Alpha), new LeakyReluOp(o.Alpha)));
        r.Add<ThresholdedRelu>("thresholded-relu", (o, b) => UnaryCpu.Float(b, new Activation(ActivationKind.ThresholdedRelu, o.Alpha), new ThresholdedReluOp(o.Alpha)));
        r.Add<HardSigmoid>("hard-sigmoid", (o, b) => UnaryCpu.Float(b, new Activation(ActivationKind.HardSigmoid, o.Alpha, o.Beta), new HardSigmoidOp(o.Alpha, o.Beta)));
        r.Add<HardSwish>("hard-swish", (_, b) => UnaryCpu.Float(b, new Activation(ActivationKind.HardSwish), default(HardSwishOp)));
        r.Add<Elu>("elu", (o, b) => UnaryCpu.Float(b, new Activation(ActivationKind.Elu, o.Alpha), new EluOp(o.Alpha)));
        r.Add<Celu>("celu", (o, b) => UnaryCpu.Float(b, new Activation(ActivationKind.Celu, o.Alpha), new CeluOp(o.Alpha)));
        r.Add<Selu>("selu", (o, b) => UnaryCpu.Float(b, new Activation(ActivationKind.Selu, o.Alpha, o.Gamma), new SeluOp(o.Alpha, o.Gamma)));
        r.Add<Softplus>("softplus", (_, b) => UnaryCpu.Float(b, new Activation(ActivationKind.Softplus), default(SoftplusOp)));
        r.Add<Softsign>("softsign", (_, b) => UnaryCpu.Float(b, new Activation(ActivationKind.Softsign), default(SoftsignOp)));
        r.Add<Gelu>("gelu", (o, b) => o.ByTanh ? UnaryCpu.Float(b, new Activation(ActivationKind.GeluTanh), default(GeluTanhOp)) : UnaryCpu.Float(b, new Activation(ActivationKind.Gelu), default(GeluOp)));
        r.Add<Mish>("mish", (_, b) => UnaryCpu.Float(b, new Activation(ActivationKind.Mish), default(MishOp)));
    }
}
