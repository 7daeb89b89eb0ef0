namespace Engine.Graph.Operators;

internal static class MathOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
