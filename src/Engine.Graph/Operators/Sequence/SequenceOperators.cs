namespace Engine.Graph.Operators;

internal static class SequenceOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("ConcatFromSequence", a => new ConcatFromSequence(a));
        r.Add("Optional", a => new OptionalOf(a));
        r.Add("OptionalGetElement", a => new OptionalGetElement(a));
        r.Add("OptionalHasElement", a => new OptionalHasElement(a));
        r.Add("SequenceAt", a => new SequenceAt(a));
        r.Add("SequenceConstruct", a => new SequenceConstruct(a));
        r.Add("SequenceEmpty", a => new SequenceEmpty(a));
        r.Add("SequenceErase", a => new SequenceErase(a));
        r.Add("SequenceInsert", a => new SequenceInsert(a));
        r.Add("SequenceLength", a => new SequenceLength(a));
        r.Add("SequenceMap", a => new SequenceMap(a));
        r.Add("SplitToSequence", a => new SplitToSequence(a));
    }
}
