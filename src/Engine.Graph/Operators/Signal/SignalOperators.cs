namespace Engine.Graph.Operators;

internal static class SignalOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
