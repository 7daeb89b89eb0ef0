using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class MathKernels
{
    public static void Register(KernelRegistry r)
    {
        ActivationsCpu.Register(r);
        RegisterUnary(r);
        RegisterBinary(r);
        r.Add<Clip>("clip", ClipCpu.Bind);
        r.Add<Where>("where", WhereCpu.Bind);
        r.Add<Cast>("cast", CastCpu.Bind);
        r.Add<CastLike>("cast", CastCpu.Bind);
        r.AddDynamic<Cast>(CastCpu.Run);
        r.AddDynamic<CastLike>(CastCpu.Run);
        r.AddDynamic<Identity>((_, c) => c.Set(0, c.Input(0)));
        r.Add<Dropout>("dropout", RandomCpu.Dropout);
        r.Add<RandomFill>("random", RandomCpu.Fill);
        r.Add<Bernoulli>("bernoulli", RandomCpu.Bernoulli);
        r.Add<Multinomial>("multinomial", RandomCpu.Multinomial);
    }

    private static void RegisterUnary(KernelRegistry r)
    {
        r.Add<Abs>("abs", (_, b) => UnaryCpu.Number(b, default(AbsOp)));
        r.Add<Neg>("neg", (_, b) => UnaryCpu.Number(b, default(NegOp)));
        r.Add<Sign>("sign", (_, b) => UnaryCpu.Number(b, default(SignOp)));
        r.Add<Reciprocal>("reciprocal", (_, b) => UnaryCpu.Float(b, default(ReciprocalOp)));
        r.Add<Sqrt>("sqrt", (_, b) => UnaryCpu.Float(b, default(SqrtOp)));
        r.Add<Floor>("floor", (_, b) => UnaryCpu.Float(b, default(FloorOp)));
        r.Add<Ceil>("ceil", (_, b) => UnaryCpu.Float(b, default(CeilOp)));
        r.Add<Round>("round", (_, b) => UnaryCpu.Float(b, default(RoundOp)));
        r.Add<Exp>("exp", (_, b) => UnaryCpu.Float(b, UnaryF32.Exp, default(ExpOp)));
        r.Add<Log>("log", (_, b) => UnaryCpu.Float(b, UnaryF32.Log, default(LogOp)));
        r.Add<Erf>("erf", (_, b) => UnaryCpu.Float(b, UnaryF32.Erf, default(ErfOp)));
        r.Add<Sin>("sin", (_, b) => UnaryCpu.Scalar(b, default(SinOp)));
        r.Add<Cos>("cos", (_, b) => UnaryCpu.Scalar(b, default(CosOp)));
        r.Add<Tan>("tan", (_, b) => UnaryCpu.Scalar(b, default(TanOp)));
        r.Add<Asin>("asin", (_, b) => UnaryCpu.Scalar(b, default(AsinOp)));
        r.Add<Acos>("acos", (_, b) => UnaryCpu.Scalar(b, default(AcosOp)));
        r.Add<Atan>("atan", (_, b) => UnaryCpu.Scalar(b, default(AtanOp)));
        r.Add<Sinh>("sinh", (_, b) => UnaryCpu.Scalar(b, default(SinhOp)));
        r.Add<Cosh>("cosh", (_, b) => UnaryCpu.Scalar(b, default(CoshOp)));
        r.Add<Asinh>("asinh", (_, b) => UnaryCpu.Scalar(b, default(AsinhOp)));
        r.Add<Acosh>("acosh", (_, b) => UnaryCpu.Scalar(b, default(AcoshOp)));
        r.Add<Atanh>("atanh", (_, b) => UnaryCpu.Scalar(b, default(AtanhOp)));
        r.Add<Not>("not", (_, _) => UnaryCpu.Bytes(default(NotOp)));
        r.Add<BitwiseNot>("bitwise-not", (_, b) => UnaryCpu.Number(b, default(BitwiseNotOp)));
        r.Add<IsNaN>("is-nan", (_, b) => UnaryCpu.IsNaN(b));
        r.Add<IsInf>("is-inf", UnaryCpu.IsInf);
        r.Add<Shrink>("shrink", UnaryCpu.Shrink);
    }

    private static void RegisterBinary(KernelRegistry r)
    {
        r.Add<Add>("add", BinaryCpu.Number<AddOp>);
        r.Add<Sub>("sub", BinaryCpu.Number<SubOp>);
        r.Add<Mul>("mul", BinaryCpu.Number<MulOp>);
        r.Add<PRelu>("prelu", BinaryCpu.Number<PReluOp>);
        r.Add<BitwiseAnd>("bitwise-and", BinaryCpu.Number<BitwiseAndOp>);
        r.Add<BitwiseOr>("bitwise-or", BinaryCpu.Number<BitwiseOrOp>);
        r.Add<BitwiseXor>("bitwise-xor", BinaryCpu.Number<BitwiseXorOp>);
        r.Add<And>("and", BinaryCpu.Logic<AndOp>);
        r.Add<Or>("or", BinaryCpu.Logic<OrOp>);
        r.Add<Xor>("xor", BinaryCpu.Logic<XorOp>);
        r.Add<Equal>("equal", BinaryCpu.Relation<EqualOp>);
        r.Add<Greater>("greater", BinaryCpu.Relation<GreaterOp>);
        r.Add<GreaterOrEqual>("greater-or-equal", BinaryCpu.Relation<GreaterOrEqualOp>);
        r.Add<Less>("less", BinaryCpu.Relation<LessOp>);
        r.Add<LessOrEqual>("less-or-equal", BinaryCpu.Relation<LessOrEqualOp>);
        r.AddDynamic<Equal>(BinaryCpu.EqualStrings);
        r.Add<Div>("div", BinaryCpu.Div);
        r.Add<Mod>("mod", BinaryCpu.Mod);
        r.Add<Pow>("pow", BinaryCpu.Pow);
        r.Add<BitShift>("bit-shift", BinaryCpu.Shift);
        r.Add<Max>("max", (_, b) => VariadicCpu.Bind<MaxOp>(b));
        r.Add<Min>("min", (_, b) => VariadicCpu.Bind<MinOp>(b));
        r.Add<Sum>("sum", (_, b) => VariadicCpu.Bind<AddOp>(b));
        r.Add<Mean>("mean", (_, b) => VariadicCpu.Bind<AddOp>(b, mean: true));
    }
}
