namespace Engine.Graph.Operators;

internal static class TextOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("RegexFullMatch", a => new RegexFullMatch(a));
        r.Add("StringConcat", a => new StringConcat(a));
        r.Add("StringNormalizer", a => new StringNormalizer(a));
        r.Add("StringSplit", a => new StringSplit(a));
        r.Add("TfIdfVectorizer", a => new TfIdfVectorizer(a));
    }
}
