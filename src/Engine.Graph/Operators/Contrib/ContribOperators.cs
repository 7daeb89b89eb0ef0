namespace Engine.Graph.Operators;

/// <summary>Floating-point operators of the com.microsoft domain.</summary>
internal static class ContribOperators
{
    public static void Register(OperatorRegistry r)
    {
    }
}
