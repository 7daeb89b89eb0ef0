namespace Engine.Graph.Operators;

internal static class LinearOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
