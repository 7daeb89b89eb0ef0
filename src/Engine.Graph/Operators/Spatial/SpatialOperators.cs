namespace Engine.Graph.Operators;

internal static class SpatialOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
