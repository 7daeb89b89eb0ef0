using System.Runtime.InteropServices;
using Engine.Tensors;
using static Engine.Tests.Formats.OnnxBytes;

namespace Engine.Tests.Formats;

/// <summary>Five small models that together use every form of the format that is read.</summary>
internal static class SeedModels
{
    public static IReadOnlyDictionary<string, byte[]> All { get; } = new Dictionary<string, byte[]>
    {
        ["plain"] = Plain().ToArray(),
        ["function"] = Function().ToArray(),
        ["subgraph"] = Subgraph().ToArray(),
        ["constants"] = Constants().ToArray(),
        ["types"] = Types().ToArray(),
    };

    private static byte[] Floats(params float[] v) => MemoryMarshal.AsBytes<float>(v).ToArray();

    private static OnnxBytes Plain() => Model(GraphOf(
        [In("", "Reshape", ["x", "shape"], ["r"]), In("", "Transpose", ["r"], ["t"], Attribute("perm", 7).Packed(8, 1, 0)), Node("A", ["t", "", "w"], ["y"])],
        [Value("x", DType.F32, -1, 6)], [Value("y", DType.F32, 3, 4)],
        TensorOf("w", DType.F32, [2, 2], Floats(1, 2, 3, 4)), Header("shape", DType.I64, 2).Packed(7, 3, -1)));

    private static OnnxBytes Function()
    {
        var inner = new OnnxBytes().Text(1, "inner").Text(4, "a", "b").Text(5, "c").Text(6, "k")
            .Message(7, Node("A", ["a", "b"], ["h"], new OnnxBytes().Text(1, "k").Text(21, "k").Int(20, 2)), Node("B", ["h"], ["c"]))
            .Message(9, Opset("t", 1), Opset("", 13)).Text(10, "f");
        var outer = new OnnxBytes().Text(1, "outer").Text(4, "p").Text(5, "q", "p2")
            .Message(7, In("f", "inner", ["p"], ["q"], new OnnxBytes().Text(1, "k").Text(21, "depth").Int(20, 2)), In("f", "inner", ["q", "p"], ["p2"]))
            .Message(9, Opset("f", 1), Opset("t", 1), Opset("", 13)).Text(10, "f")
            .Message(11, Attribute("depth", 2).Int(3, 5));
        return Model(GraphOf([In("f", "outer", ["x"], ["y", "z"], Attribute("depth", 2).Int(3, 7)), In("f", "outer", ["y"], ["w"])], [Value("x", DType.F32, 4)], [Value("z"), Value("w")]),
            functions: [inner, outer]);
    }

    private static OnnxBytes Subgraph()
    {
        var inner = GraphOf([Node("B", ["x", "c"], ["i"])], [], [Value("i")], TensorOf("c", DType.F32, [1], Floats(2)));
        var then = GraphOf([Node("If", ["cond"], ["o"], Attribute("body", 5).Message(6, inner))], [], [Value("o")]);
        var other = GraphOf([], [], [Value("early")]);
        return Model(GraphOf(
            [Node("If", ["cond"], ["y"], Attribute("then_branch", 5).Message(6, then), Attribute("else_branch", 5).Message(6, other)), Node("A", ["x"], ["early"])],
            [Value("x", DType.F32, 4), Value("cond", DType.Bool)], [Value("y")]));
    }

    private static OnnxBytes Constants()
    {
        var sparse = new OnnxBytes().Message(1, TensorOf("sp", DType.F32, [2], Floats(5, 6))).Message(2, Header("", DType.I64, 2).Packed(7, 1, 4)).Packed(3, 2, 3);
        return Model(new OnnxBytes().Raw(GraphOf(
            [
                In("", "Constant", [], ["a"], Attribute("value_floats", 6).Bytes(7, Floats(1, 2, 3))),
                In("", "Constant", [], ["b"], Attribute("value_ints", 7).Packed(8, 1, 2)),
                In("", "Constant", [], ["c"], Attribute("value_string", 3).Text(4, "text")),
                In("", "Constant", [], ["d"], Attribute("value", 4).Message(5, Header("", DType.F16, 2).Packed(5, 0x3C00, 0x4000))),
                In("", "Constant", [], ["e"], Attribute("sparse_value", 11).Message(22, sparse)),
                Node("A", ["a", "b", "c", "d", "e", "sp"], ["y"], Attribute("floats", 6).Float(7, 1.5f).Float(7, 2.5f), Attribute("strings", 8).Text(9, "s", "t")),
            ],
            [Value("x", DType.F32, 1)], [Value("y")], Header("strings", DType.String, 2).Text(6, "u", "v"), Header("doubles", DType.F64, 1).Bytes(10, BitConverter.GetBytes(2.5))).ToArray())
            .Message(15, sparse));
    }

    private static OnnxBytes Types()
    {
        var tensor = new OnnxBytes().Message(1, new OnnxBytes().Int(1, 1).Message(2, new OnnxBytes()));
        var sequence = new OnnxBytes().Message(4, new OnnxBytes().Message(1, tensor));
        var optional = new OnnxBytes().Message(9, new OnnxBytes().Message(1, sequence));
        return Model(GraphOf([Node("C", ["s", "o"], ["y"], Attribute("type", 13).Message(14, optional))],
            [new OnnxBytes().Text(1, "s").Message(2, sequence), new OnnxBytes().Text(1, "o").Message(2, optional)], [new OnnxBytes().Text(1, "y").Message(2, sequence)]))
            .Text(3, "1.0").Int(5, 3).Message(14, new OnnxBytes().Text(1, "author").Text(2, "tests"));
    }
}
