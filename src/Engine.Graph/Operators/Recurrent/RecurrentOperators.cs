namespace Engine.Graph.Operators;

internal static class RecurrentOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
