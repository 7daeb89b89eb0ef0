using System.CommandLine;
using System.Globalization;

namespace Engine.Cli;

/// <summary>--width, --depth, --kernel-size, --rank: the part of a model with elastic dimensions that is meant.</summary>
internal sealed class PartOptions
{
    private readonly Option<string?> _width = New("--width", "Channels that stay: a part of each group (0.5), at most so many (32), or by group", "0.5|32|NAME=32,…");
    private readonly Option<string?> _depth = New("--depth", "Blocks that stay: at most so many a stage, a part of them, or by stage", "1|0.5|NAME=1,…");
    private readonly Option<string?> _kernel = New("--kernel-size", "Extent of elastic windows: at most so much, or by convolution", "3|NAME=3,…");
    private readonly Option<string?> _rank = New("--rank", "Ranks that low-rank weights keep: at most so many, or a part of them", "16|0.5");

    public void AddTo(Command command)
    {
        foreach (Option o in (Option[])[_width, _depth, _kernel, _rank]) command.Options.Add(o);
    }

    /// <summary>How to take the part; null where no option is given.</summary>
    public Func<Model, SubNetwork?>? Of(ParseResult p)
    {
        ElasticChoice? width = Choice(p.GetValue(_width), "--width"), depth = Choice(p.GetValue(_depth), "--depth"), kernel = Choice(p.GetValue(_kernel), "--kernel-size");
        var rank = Rank(p.GetValue(_rank));
        return width is null && depth is null && kernel is null && rank is null ? null : m => m.Select(width, depth, kernel, rank);
    }

    private static Option<string?> New(string name, string description, string help) => new(name) { Description = description, HelpName = help };

    private static ElasticChoice? Choice(string? text, string option)
    {
        if (text is null) return null;
        if (Whole(text) is { } most) return ElasticChoice.OfMost(most);
        if (Part(text) is { } part) return ElasticChoice.OfPart(part);
        var byName = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string item in text.Split(','))
        {
            int at = item.LastIndexOf('=');
            if (at <= 0 || Whole(item[(at + 1)..]) is not { } n || !byName.TryAdd(item[..at], n)) throw CommandException.Usage($"{option} {text}: expected a part such as 0.5, a number, or NAME=NUMBER, each name once");
        }
        return ElasticChoice.Of(byName);
    }

    private static RankLimit? Rank(string? text) => text is null ? null
        : Whole(text) is { } most and > 0 ? new RankLimit(most)
        : Part(text) is { } part ? RankLimit.OfPart(part)
        : throw CommandException.Usage($"--rank {text}: expected a number of ranks or a part of them such as 0.5");

    private static int? Whole(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int v) ? v : null;

    private static double? Part(string text) => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double v) && v is > 0 and <= 1 ? v : null;
}
