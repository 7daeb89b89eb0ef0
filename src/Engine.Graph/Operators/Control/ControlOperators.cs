namespace Engine.Graph.Operators;

internal static class ControlOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
