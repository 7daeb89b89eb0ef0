using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Integer matrix products; they differ in where scales come from and what is stored.</summary>
internal static unsafe class IntegerMatMulCpu
{
    public static StepFn Bind(MatMulInteger op, BindContext b)
    {
        var g = MatMulInteger.Geometry(b.In(0).Shape, b.In(1).Shape);
        var product = new IntegerProduct(b, g, b.In(0).DType, 2, 1, 3);
        return (in StepContext c) =>
        {
            product.Prepare(c);
            for (int i = 0; i < g.Batch; i++) product.Run(c, i, c.InPointer(0), new Int32Store((int*)c.OutPointer(0) + (nint)i * g.M * g.N, g.N));
        };
    }

    public static StepFn Bind(QLinearMatMul op, BindContext b)
    {
        var g = QLinearMatMul.Geometry(b.In(0).Shape, b.In(3).Shape);
        var product = new IntegerProduct(b, g, b.In(0).DType, 2, 3, 5);
        var scale = new ProductScale(b, g, 1, 4, 6);
        var type = b.Out(0).DType;
        var (min, max) = QuantCodes.Range(type);
        return (in StepContext c) =>
        {
            product.Prepare(c);
            scale.Prepare(c);
            int zero = QuantCodes.Read(type, c.In<byte>(7), 0);
            for (int i = 0; i < g.Batch; i++)
                product.Run(c, i, c.InPointer(0), new RequantizeStore(c.OutPointer(0) + (nint)i * g.M * g.N, g.N, scale.At(c, i), default, zero, min, max));
        };
    }

    public static StepFn Bind(QGemm op, BindContext b)
    {
        var g = op.Geometry(b.In(0).Shape, b.In(3).Shape);
        var product = new IntegerProduct(b, g, b.In(0).DType, 2, 3, 5);
        var scale = new ProductScale(b, g, 1, 4, 7, op.Alpha);
        var type = b.Out(0).DType;
        var addend = b.Has(6) ? new Addend(6, 1, b.In(6).Shape, g.Output) : null;
        if (type == DType.F32)
            return (in StepContext c) =>
            {
                product.Prepare(c);
                scale.Prepare(c);
                for (int i = 0; i < g.Batch; i++) product.Run(c, i, c.InPointer(0), new FloatStore((float*)c.OutPointer(0), g.N, scale.At(c, i), Bias(c, addend), default));
            };
        var (min, max) = QuantCodes.Range(type);
        return (in StepContext c) =>
        {
            product.Prepare(c);
            scale.Prepare(c);
            int zero = QuantCodes.Read(type, c.In<byte>(8), 0);
            for (int i = 0; i < g.Batch; i++) product.Run(c, i, c.InPointer(0), new RequantizeStore(c.OutPointer(0), g.N, scale.At(c, i), Bias(c, addend), zero, min, max));
        };
    }

    public static StepFn Bind(MatMulIntegerToFloat op, BindContext b)
    {
        var g = MatMulIntegerToFloat.Geometry(b.In(0).Shape, b.In(1).Shape);
        var product = new IntegerProduct(b, g, b.In(0).DType, 4, 1, 5);
        var scale = new ProductScale(b, g, 2, 3, -1);
        return (in StepContext c) =>
        {
            product.Prepare(c);
            scale.Prepare(c);
            Float(c, g, product, scale, c.InPointer(0), 6);
        };
    }

    public static StepFn Bind(DynamicQuantizeMatMul op, BindContext b)
    {
        var g = DynamicQuantizeMatMul.Geometry(b.In(0).Shape, b.In(1).Shape);
        int codes = b.Work(b.In(0).Elements);
        var product = new IntegerProduct(b, g, DType.U8, 1, 3);
        var scale = new ProductScale(b, g, -1, 2, -1);
        return (in StepContext c) =>
        {
            var x = c.In<float>(0);
            var (s, zero) = DynamicRange.U8(x);
            QuantizeF32.Table.Best(x, s, zero, 0, 255, c.Work<byte>(codes));
            product.SetZero(c, zero);
            product.Prepare(c);
            scale.Prepare(c, s);
            Float(c, g, product, scale, c.WorkPointer(codes), 4);
        };
    }

    private static void Float(in StepContext c, MatMulGeometry g, IntegerProduct product, ProductScale scale, byte* a, int bias)
    {
        var offset = new TileParameter<float>((float*)c.InPointer(bias), 0, 1);
        for (int i = 0; i < g.Batch; i++)
            product.Run(c, i, a, new FloatStore((float*)c.OutPointer(0) + (nint)i * g.M * g.N, g.N, scale.At(c, i), default, offset));
    }

    private static TileParameter<int> Bias(in StepContext c, Addend? addend) => addend is null ? default : new((int*)c.InPointer(addend.Operand), addend.Row, addend.Column);
}
