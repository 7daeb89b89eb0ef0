using System.CommandLine;

namespace Engine.Cli;

/// <summary>Options that several verbs share, made anew for each.</summary>
internal static class CommonOptions
{
    public static Argument<string> Model(string name = "model") => new(name) { Description = "ONNX model or engine file", HelpName = name };

    public static Option<ReportFormat> Format(string values) => new("--format", "-f") { Description = $"Output format: {values}", HelpName = values };

    public static Option<int> Threads() => Positive(new("--threads", "-t") { Description = "Threads of a run; default: one a processor", HelpName = "N" });

    public static Option<string> Backend() => new Option<string>("--backend") { Description = "Where to run", DefaultValueFactory = _ => "cpu" }.Only("cpu");

    public static Option<int> OptimizationLevel()
    {
        var o = new Option<int>("--opt-level") { Description = "Graph rewrites: 0 none, 1 exact, 2 all", DefaultValueFactory = _ => 2, HelpName = "0..2" };
        o.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && r.Tokens[0].Value is not ("0" or "1" or "2")) r.AddError($"--opt-level {r.Tokens[0].Value}: expected 0, 1 or 2");
        });
        return o;
    }

    public static Option<Verification> Verify() => new("--verify")
    {
        Description = "What of an engine file is checked before it runs: full, every section's checksum; or header, larger sections when they are first used",
        DefaultValueFactory = _ => Verification.Full,
        HelpName = "full|header",
    };

    private static Option<string> Only(this Option<string> option, params string[] values)
    {
        option.AcceptOnlyFromAmong(values);
        return option;
    }

    private static Option<int> Positive(Option<int> option)
    {
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && !(int.TryParse(r.Tokens[0].Value, out int n) && n is > 0 and <= 1024)) r.AddError($"{option.Name} {r.Tokens[0].Value}: expected a number from 1 to 1024");
        });
        return option;
    }
}
