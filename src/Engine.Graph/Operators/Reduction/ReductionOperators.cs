namespace Engine.Graph.Operators;

internal static class ReductionOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
