using System.Runtime.CompilerServices;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

internal static class TfIdfVectorizerCpu
{
    private static readonly ConditionalWeakTable<TfIdfVectorizer, NGramTrie> s_tries = [];

    public static void Run(TfIdfVectorizer op, DynamicContext c)
    {
        var x = c.Tensor(0);
        if (x.Shape.Rank is not (1 or 2)) throw new OperatorException($"input has shape {x.Shape}, expected [C] or [N,C]");
        if (x.DType == DType.String != (op.Strings is not null)) throw new OperatorException($"tokens of {x.DType.Display()} do not fit the pool");
        var trie = s_tries.GetValue(op, static o => new NGramTrie(o));
        var tokens = trie.Tokens(x);
        int columns = x.Shape.Int(x.Shape.Rank - 1), width = Checked.Int(op.Width);
        var y = c.Allocate(DType.F32, x.Shape.Rank == 1 ? new Shape(width) : new Shape(x.Shape[0], width));
        var counts = new int[op.Columns.Count];
        int rows = x.Shape.Rank == 1 ? 1 : x.Shape.Int(0);
        for (int r = 0; r < rows && counts.Length > 0 && columns > 0; r++)
        {
            Array.Clear(counts);
            Count(op, trie, tokens.AsSpan(r * columns, columns), counts, c.Cancellation);
            Store(op, counts, y.Span<float>().Slice(r * width, width));
        }
        c.Set(0, y);
    }

    private static void Count(TfIdfVectorizer op, NGramTrie trie, ReadOnlySpan<int> row, int[] counts, CancellationToken cancellation)
    {
        long shortest = op.MinLength;
        for (long distance = 1; distance - 1 <= op.MaxSkips; distance++)
        {
            cancellation.ThrowIfCancellationRequested();
            // Farther apart than this not even the shortest n-gram fits in the row.
            if (shortest > 1 && (row.Length - 1) / distance < shortest - 1) break;
            for (int start = 0; start < row.Length; start++)
            {
                int node = NGramTrie.Root;
                long at = start;
                for (long length = 1; length <= op.MaxLength && at < row.Length; length++, at += distance)
                {
                    if (!trie.TryStep(node, row[(int)at], out node)) break;
                    int gram = trie.GramAt(node);
                    if (length >= shortest && gram >= 0) counts[gram]++;
                }
            }
            // Single tokens have nothing between them to skip: they count once.
            if (shortest == 1 && ++shortest > op.MaxLength) break;
        }
    }

    private static void Store(TfIdfVectorizer op, int[] counts, Span<float> y)
    {
        for (int g = 0; g < counts.Length; g++)
        {
            if (counts[g] == 0) continue;
            float weight = op.Weights?[g] ?? 1;
            y[(int)op.Columns[g]] += op.Mode switch { NGramMode.Tf => counts[g], NGramMode.Idf => weight, _ => counts[g] * weight };
        }
    }
}

/// <summary>The n-grams of a pool by their tokens, one after the other.</summary>
internal sealed class NGramTrie
{
    /// <summary>The node of no token.</summary>
    public const int Root = 0;

    private readonly Dictionary<(int Node, int Token), int> _next = [];
    private readonly Dictionary<long, int>? _integers;
    private readonly Dictionary<string, int>? _strings;
    private readonly List<int> _gram = [-1];

    /// <summary>Reads the pool.</summary>
    public NGramTrie(TfIdfVectorizer op)
    {
        int[] pool;
        if (op.Integers is not null) pool = Number(op.Integers, _integers = []);
        else pool = Number(op.Strings!, _strings = new(StringComparer.Ordinal));
        int gram = 0;
        for (int i = 0; i < op.Starts.Count; i++)
        {
            long end = i + 1 < op.Starts.Count ? op.Starts[i + 1] : pool.Length;
            for (long at = op.Starts[i]; at < end; at += i + 1) Add(pool.AsSpan((int)at, i + 1), gram++);
        }
    }

    /// <summary>The node after a token, false when no n-gram goes on with it.</summary>
    public bool TryStep(int node, int token, out int next) => _next.TryGetValue((node, token), out next);

    /// <summary>The n-gram that ends at a node, −1 for none.</summary>
    public int GramAt(int node) => _gram[node];

    /// <summary>The tokens of a tensor by their numbers, −1 where the pool has no such token.</summary>
    public int[] Tokens(Tensor x)
    {
        var tokens = new int[x.Shape.Count];
        if (_strings is not null) for (int i = 0; i < tokens.Length; i++) tokens[i] = _strings.GetValueOrDefault(x.Strings[i], -1);
        else
        {
            var longs = x.ToLongs();
            for (int i = 0; i < tokens.Length; i++) tokens[i] = _integers!.GetValueOrDefault(longs[i], -1);
        }
        return tokens;
    }

    private static int[] Number<T>(IReadOnlyList<T> pool, Dictionary<T, int> numbers) where T : notnull
    {
        var result = new int[pool.Count];
        for (int i = 0; i < result.Length; i++)
        {
            if (!numbers.TryGetValue(pool[i], out result[i])) numbers.Add(pool[i], result[i] = numbers.Count);
        }
        return result;
    }

    private void Add(ReadOnlySpan<int> tokens, int gram)
    {
        int node = Root;
        foreach (int t in tokens)
        {
            if (!_next.TryGetValue((node, t), out int next))
            {
                next = _gram.Count;
                _gram.Add(-1);
                _next.Add((node, t), next);
            }
            node = next;
        }
        if (_gram[node] >= 0) throw new OperatorException("an n-gram stands twice in the pool");
        _gram[node] = gram;
    }
}
