namespace Engine.Graph.Operators;

internal static class ControlOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("If", a => new If(a));
        r.Add("Loop", a => new Loop(a));
        r.Add("Scan", a => new Scan(a));
    }
}
