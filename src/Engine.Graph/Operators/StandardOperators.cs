namespace Engine.Graph.Operators;

/// <summary>The list of families; each family lists its operators.</summary>
internal static class StandardOperators
{
    public static OperatorRegistry Create()
    {
        var r = new OperatorRegistry();
        MathOperators.Register(r);
        MovementOperators.Register(r);
        SpatialOperators.Register(r);
        LinearOperators.Register(r);
        ReductionOperators.Register(r);
        RecurrentOperators.Register(r);
        QuantizedOperators.Register(r);
        ContribOperators.Register(r);
        OwnOperators.Register(r);
        SequenceOperators.Register(r);
        TextOperators.Register(r);
        ControlOperators.Register(r);
        SignalOperators.Register(r);
        return r;
    }
}
