using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>Cast and CastLike; strings go through the dynamic form.</summary>
internal static class CastCpu
{
    public static StepFn Bind(CastOperator op, BindContext b)
    {
        var (from, to, count, saturate) = (b.In(0).DType, b.Out(0).DType, b.In(0).Shape.Count, op.Saturate);
        if (from == DType.String || to == DType.String) throw b.Unsupported();
        return (in StepContext c) => CastLoop.Run(c.Workers, from, c.In<byte>(0), to, saturate, c.Out<byte>(0), count);
    }

    public static void Run(CastOperator op, DynamicContext c)
    {
        var x = c.Tensor(0);
        var to = op is Cast cast ? cast.To : c.Tensor(1).DType;
        if (x.DType == DType.String && to == DType.String) c.Set(0, x);
        else if (x.DType == DType.String) c.Set(0, Parse(op, x, to, c));
        else if (to == DType.String) c.Set(0, Print(x, c));
        else
        {
            var y = c.Allocate(to, x.Shape);
            CastLoop.Run(c.Workers, x.DType, x.Bytes, to, op.Saturate, y.Bytes, x.Shape.Count);
            c.Set(0, y);
        }
    }

    private static Tensor Parse(CastOperator op, Tensor x, DType to, DynamicContext c)
    {
        int n = x.Shape.Count;
        var y = c.Allocate(to, x.Shape);
        if (to.IsInteger())
        {
            var values = new long[n];
            for (int i = 0; i < n; i++) values[i] = ParseInteger(x.Strings[i], to);
            CastLoop.Run(c.Workers, DType.I64, MemoryMarshal.AsBytes<long>(values), to, op.Saturate, y.Bytes, n);
        }
        else
        {
            var values = new double[n];
            for (int i = 0; i < n; i++) values[i] = ParseFloat(x.Strings[i], to);
            CastLoop.Run(c.Workers, DType.F64, MemoryMarshal.AsBytes<double>(values), to, op.Saturate, y.Bytes, n);
        }
        return y;
    }

    private static long ParseInteger(string s, DType to)
    {
        if (long.TryParse(s, NumberStyles.Integer, CultureInfo.InvariantCulture, out long v)) return v;
        if (ulong.TryParse(s, NumberStyles.Integer, CultureInfo.InvariantCulture, out ulong u)) return unchecked((long)u);
        return long.CreateSaturating(ParseFloat(s, to));
    }

    private static double ParseFloat(string s, DType to) => s.AsSpan().Trim() switch
    {
        var t when Is(t, "inf") || Is(t, "+inf") || Is(t, "infinity") || Is(t, "+infinity") => double.PositiveInfinity,
        var t when Is(t, "-inf") || Is(t, "-infinity") => double.NegativeInfinity,
        var t when Is(t, "nan") => double.NaN,
        var t when to == DType.Bool && Is(t, "true") => 1,
        var t when to == DType.Bool && Is(t, "false") => 0,
        // A string for f32 is rounded once, from its digits.
        var t when to == DType.F32 && float.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out float f) => f,
        var t when double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out double d) => d,
        _ => throw new OperatorException($"'{(s.Length > 40 ? s[..40] + "…" : s)}' is no number to cast to {to.Display()}"),
    };

    private static bool Is(ReadOnlySpan<char> s, string name) => s.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static Tensor Print(Tensor x, DynamicContext c)
    {
        int n = x.Shape.Count;
        var y = new string[n];
        if (x.DType == DType.Bool) for (int i = 0; i < n; i++) y[i] = x.Bytes[i] != 0 ? "True" : "False";
        else if (x.DType == DType.U64) for (int i = 0; i < n; i++) y[i] = x.Span<ulong>()[i].ToString(CultureInfo.InvariantCulture);
        else if (x.DType.IsInteger())
        {
            var values = new long[n];
            CastLoop.Run(c.Workers, x.DType, x.Bytes, DType.I64, true, MemoryMarshal.AsBytes(values.AsSpan()), n);
            for (int i = 0; i < n; i++) y[i] = values[i].ToString(CultureInfo.InvariantCulture);
        }
        else if (x.DType == DType.F64) for (int i = 0; i < n; i++) y[i] = Layout(x.Span<double>()[i].ToString("R", CultureInfo.InvariantCulture));
        else if (x.DType == DType.F16) for (int i = 0; i < n; i++) y[i] = Layout(x.Span<Half>()[i].ToString("R", CultureInfo.InvariantCulture));
        else
        {
            var values = new float[n];
            CastLoop.Run(c.Workers, x.DType, x.Bytes, DType.F32, true, MemoryMarshal.AsBytes(values.AsSpan()), n);
            for (int i = 0; i < n; i++) y[i] = Layout(values[i].ToString("R", CultureInfo.InvariantCulture));
        }
        return new Tensor(x.Shape, y);
    }

    // The shortest digits that read back as the number, laid out as NumPy does: 0.0001 to 1e16 in full, beyond with an exponent.
    private static string Layout(string shortest)
    {
        if (shortest is "NaN") return "NaN";
        if (shortest is "Infinity") return "INF";
        if (shortest is "-Infinity") return "-INF";
        bool negative = shortest[0] == '-';
        string s = negative ? shortest[1..] : shortest;
        int e = s.IndexOf('E', StringComparison.Ordinal), exponent = e < 0 ? 0 : int.Parse(s.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = e < 0 ? s : s[..e];
        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        // digits · 10^(scale − length), without zeros at either end.
        string digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        int scale = (point < 0 ? mantissa.Length : point) + exponent, leading = digits.Length - digits.TrimStart('0').Length;
        digits = digits.Trim('0');
        scale -= leading;
        if (digits.Length == 0) return negative ? "-0.0" : "0.0";
        string text = scale is > -4 and <= 16
            ? scale <= 0 ? "0." + new string('0', -scale) + digits
                : digits.Length <= scale ? digits + new string('0', scale - digits.Length) + ".0"
                : digits[..scale] + "." + digits[scale..]
            : digits[..1] + (digits.Length > 1 ? "." + digits[1..] : "") + "e" + (scale - 1 < 0 ? "-" : "+") + Math.Abs(scale - 1).ToString("00", CultureInfo.InvariantCulture);
        return negative ? "-" + text : text;
    }
}
