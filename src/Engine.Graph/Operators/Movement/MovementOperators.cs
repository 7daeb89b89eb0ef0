namespace Engine.Graph.Operators;

internal static class MovementOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("NonZero", a => new NonZero(a));
        r.Add("Reshape", a => new Reshape(a));
        r.Add("Shape", a => new ShapeOf(a));
        r.Add("Transpose", a => new Transpose(a));
    }
}
