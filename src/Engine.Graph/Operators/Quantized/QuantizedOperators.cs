namespace Engine.Graph.Operators;

internal static class QuantizedOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
