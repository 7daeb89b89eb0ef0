namespace Engine.Ptx.Code;

/// <summary>Opcodes with what compiles them.</summary>
internal static class InstructionSet
{
    public static Dictionary<string, Func<Encoder, Operation>> Table { get; } = Build();

    private static Dictionary<string, Func<Encoder, Operation>> Build()
    {
        var table = new Dictionary<string, Func<Encoder, Operation>>
        {
            ["bar"] = Barriers.Build,
            ["barrier"] = Barriers.Build,
            ["ld"] = Loads.Build,
            ["ldu"] = Loads.Build,
            ["st"] = Stores.Build,
            ["setp"] = Compares.SetPredicate,
            ["set"] = Compares.Set,
            ["selp"] = Compares.Select,
            ["slct"] = Compares.SelectBySign,
            ["cvt"] = Conversions.Build,
            ["cp"] = AsyncInstructions.Build,
            ["atom"] = Atomics.Build,
            ["red"] = Atomics.Build,
            ["shfl"] = Shuffle.Build,
            ["vote"] = Vote.Build,
            ["match"] = Match.Build,
            ["redux"] = Reduce.Build,
            ["activemask"] = e => new ActiveMask(e.Result(0, Text.PtxType.B32)),
            ["mma"] = Mma.MmaOperation.Build,
            ["ldmatrix"] = Mma.LoadMatrix.Build,
            ["movmatrix"] = Mma.TransposeMatrix.Build,
            ["fence"] = _ => new FenceOperation(),
            ["membar"] = _ => new FenceOperation(),
            ["trap"] = _ => new Trap(),
            ["brkpt"] = _ => new Trap(),
        };
        Integers.Register(table);
        BitInstructions.Register(table);
        Floats.Register(table);
        Moves.Register(table);
        return table;
    }
}
