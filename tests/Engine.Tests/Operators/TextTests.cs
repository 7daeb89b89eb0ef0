using System.Diagnostics;
using Engine.Tensors;

namespace Engine.Tests;

public class TextTests
{
    private static Tensor S(params string[] v) => new(new Shape(v.Length), v);

    [Fact]
    public void Normalizer_drops_stop_words_and_changes_case()
    {
        static string[] Run(Tensor x, string action, bool sensitive, params string[] stop) =>
            OpRunner.One("StringNormalizer", 10, [x], new() { ["case_change_action"] = action, ["is_case_sensitive"] = sensitive ? 1L : 0L, ["stopwords"] = stop }).Strings;
        Assert.Equal(["ÜBER", "B"], Run(S("über", "A", "b"), "UPPER", false, "a"));
        Assert.Equal(["A", "b"], Run(S("a", "A", "b"), "NONE", true, "a"));
        Assert.Equal([""], Run(S("a", "A"), "LOWER", false, "a"));
        Assert.Throws<OperatorException>(() => Run(new Tensor(new Shape(2, 1), ["a", "b"]), "NONE", true));
        Assert.Throws<OperatorException>(() => Run(S("a"), "TITLE", true));
        Assert.ThrowsAny<EngineException>(() => Run(Tensor.Vector(1f), "NONE", true));
    }

    [Fact]
    public void Concat_broadcasts()
    {
        var y = OpRunner.One("StringConcat", 20, [new Tensor(new Shape(2, 1), ["a", "b"]), S("x", "", "z")]);
        Assert.Equal(new Shape(2, 3), y.Shape);
        Assert.Equal(["ax", "a", "az", "bx", "b", "bz"], y.Strings);
    }

    [Theory]
    [InlineData("a,b,,c", ",", -1, "a|b||c")]
    [InlineData("a,b,,c", ",", 2, "a|b|,c")]
    [InlineData("", ",", -1, "")]
    [InlineData("xx--yy", "--", -1, "xx|yy")]
    [InlineData("  1  2   3  ", null, -1, "1|2|3")]
    [InlineData("  1  2   3  ", null, 1, "1|2   3  ")]
    [InlineData("a b", "", 0, "a b")]
    public void Split_follows_the_reference(string text, string? delimiter, long most, string expected)
    {
        var a = new Dictionary<string, object>();
        if (delimiter is not null) a["delimiter"] = delimiter;
        if (most >= 0) a["maxsplit"] = most;
        var r = OpRunner.Run("StringSplit", 20, [S(text, "x y,z")], a, 2);
        var pieces = expected.Split('|');
        Assert.Equal(pieces, ((Tensor)r[0]!).Strings.Take(pieces.Length));
        Assert.Equal(pieces.Length, ((Tensor)r[1]!).Span<long>()[0]);
    }

    [Fact]
    public void Split_of_nothing()
    {
        var r = OpRunner.Run("StringSplit", 20, [S("", "   ")], null, 2);
        Assert.Equal(new Shape(2, 0), ((Tensor)r[0]!).Shape);
        Assert.Equal([0, 0], ((Tensor)r[1]!).Span<long>().ToArray());
    }

    [Theory]
    [InlineData("abc", "abc", true)]
    [InlineData("ab", "abc", false)]
    [InlineData("a|abc", "abc", true)]
    [InlineData("abc", "abc\n", false)]
    [InlineData(@"\w+@\w+\.[a-z]{2,3}", "me@host.org", true)]
    [InlineData(@"\d+", "١٢", false)]
    [InlineData(@"[\d-]+", "1-2", true)]
    [InlineData(@"(?P<year>\d{4})", "2024", true)]
    [InlineData(@"\Qa.b\E+", "a.bb", true)]
    [InlineData(@"\Qa.b\E+", "axb", false)]
    [InlineData("[[:alpha:]]+[[:digit:]]", "ab1", true)]
    [InlineData("[]a]+", "]a", true)]
    [InlineData("[^]a]+", "b", true)]
    [InlineData("[+-[b]+", "[b", true)]
    [InlineData("", "", true)]
    [InlineData("(?i)ABC", "abc", true)]
    public void Regex_matches_the_whole_string(string pattern, string text, bool expected) =>
        Assert.Equal(expected, OpRunner.One("RegexFullMatch", 20, [S(text)], new() { ["pattern"] = pattern }).Bytes[0] != 0);

    [Theory]
    [InlineData("(")]
    [InlineData("a)|(b")]
    [InlineData("[a")]
    [InlineData(@"(a)\1")]
    [InlineData("(?=a)a")]
    [InlineData("a{1000}{1000}{1000}")]
    [InlineData("\\")]
    public void Patterns_out_of_bounds_are_typed_errors(string pattern) =>
        Assert.ThrowsAny<EngineException>(() => OpRunner.Run("RegexFullMatch", 20, [S("a")], new() { ["pattern"] = pattern }));

    [Fact]
    public void Regex_takes_linear_time_on_hostile_patterns()
    {
        var watch = Stopwatch.StartNew();
        var y = OpRunner.One("RegexFullMatch", 20, [S(new string('a', 50_000) + "!")], new() { ["pattern"] = "(a+)+(a|aa)*" });
        Assert.Equal(0, y.Bytes[0]);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"took {watch.Elapsed}");
    }

    private static float[] Vectorize(Tensor x, string mode, long min, long max, long skips, Dictionary<string, object> pool)
    {
        Dictionary<string, object> a = new(pool) { ["mode"] = mode, ["min_gram_length"] = min, ["max_gram_length"] = max, ["max_skip_count"] = skips };
        return OpRunner.One("TfIdfVectorizer", 9, [x], a).Span<float>().ToArray();
    }

    [Fact]
    public void Vectorizer_weighs_n_grams_of_strings_and_integers()
    {
        Dictionary<string, object> words = new()
        {
            ["pool_strings"] = new[] { "a", "b", "a", "b", "b", "c" },
            ["ngram_counts"] = new long[] { 0, 2 },
            ["ngram_indexes"] = new long[] { 3, 0, 1, 2 },
            ["weights"] = new[] { 10f, 20, 30, 40 },
        };
        var x = S("a", "b", "a", "b", "c");
        Assert.Equal([2, 2, 1, 2], Vectorize(x, "TF", 1, 2, 0, words));
        Assert.Equal([20, 30, 40, 10], Vectorize(x, "IDF", 1, 2, 0, words));
        Assert.Equal([40, 60, 40, 20], Vectorize(x, "TFIDF", 1, 2, 0, words));
        Assert.Equal([0, 2, 1, 0], Vectorize(x, "TF", 2, 2, 0, words));
        Assert.Equal([0, 3, 2, 0], Vectorize(x, "TF", 2, 2, long.MaxValue - 1, words));

        Dictionary<string, object> numbers = new() { ["pool_int64s"] = new long[] { 5, 6, 7 }, ["ngram_counts"] = new long[] { 0, 1 }, ["ngram_indexes"] = new long[] { 0, 1 } };
        Assert.Equal([1, 1, 2, 0], Vectorize(Tensor.From(new Shape(2, 3), new[] { 5, 6, 7, 5, 5, 8 }), "TF", 1, 2, 0, numbers));
        Assert.Equal([1, 0], Vectorize(Tensor.Vector(6, 7, 5), "TF", 1, 1, 9, numbers));
        Assert.Throws<OperatorException>(() => Vectorize(x, "TF", 1, 1, 0, numbers));
    }

    [Fact]
    public void Vectorizer_pools_are_checked()
    {
        static Dictionary<string, object> Pool(long[] starts, long[] columns) => new() { ["pool_int64s"] = new long[] { 1, 2, 3 }, ["ngram_counts"] = starts, ["ngram_indexes"] = columns };
        var x = Tensor.Vector(1, 2);
        foreach (var (starts, columns) in ((long[], long[])[])[([0, 9], [0]), ([0, 0], [0]), ([2, 1], [0]), ([-1], [0]), ([0, 1], [0]), ([0, 1], [0, -1]), ([0, 1], [0, long.MaxValue]), ([0, 1], [0, int.MaxValue])])
            Assert.ThrowsAny<EngineException>(() => Vectorize(x, "TF", 1, 2, 0, Pool(starts, columns)));
        Assert.Throws<OperatorException>(() => Vectorize(x, "BM25", 1, 2, 0, Pool([0, 1], [0, 1])));
        Assert.Throws<OperatorException>(() => Vectorize(x, "TF", 2, 1, 0, Pool([0, 1], [0, 1])));
    }
}
