using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Engine.Graph.Operators;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Matches without backtracking: time is linear in the text whatever the pattern, and bounded on top.</summary>
internal static class RegexFullMatchCpu
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(1);
    private static readonly ConditionalWeakTable<RegexFullMatch, Regex> s_compiled = [];

    public static void Run(RegexFullMatch op, DynamicContext c)
    {
        var x = c.Tensor(0);
        var regex = s_compiled.GetValue(op, static o => Compile(o.Pattern));
        var y = c.Allocate(DType.Bool, x.Shape);
        try
        {
            for (int i = 0; i < x.Strings.Length; i++)
            {
                c.Cancellation.ThrowIfCancellationRequested();
                y.Bytes[i] = regex.IsMatch(x.Strings[i]) ? (byte)1 : (byte)0;
            }
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new OperatorException($"matching pattern '{op.Pattern}' took longer than {s_limit.TotalSeconds} s", null, e);
        }
        c.Set(0, y);
    }

    private static Regex Compile(string pattern)
    {
        const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;
        string p = Re2Syntax.Translate(pattern);
        try
        {
            // On its own first: a pattern with a stray parenthesis must not close the group around it.
            _ = new Regex(p, Options, s_limit);
            return new Regex($@"\A(?:{p})\z", Options, s_limit);
        }
        catch (ArgumentException e)
        {
            throw new OperatorException($"pattern '{pattern}' is malformed: {e.Message}", null, e);
        }
        catch (NotSupportedException e)
        {
            throw new UnsupportedException($"pattern '{pattern}' cannot be matched in linear time: {e.Message}");
        }
    }
}
