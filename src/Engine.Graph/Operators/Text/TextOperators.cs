namespace Engine.Graph.Operators;

internal static class TextOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
