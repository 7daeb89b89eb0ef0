using Spectre.Console;

namespace Engine.Cli;

/// <summary>A bar on stderr, shown only where stderr is a terminal.</summary>
internal static class ProgressBar
{
    /// <summary>Runs <paramref name="body"/>, which calls its argument before each of <paramref name="total"/> steps with the step's name.</summary>
    public static void Run(int total, Action<Action<string>> body)
    {
        if (Console.IsErrorRedirected || total < 2)
        {
            body(_ => { });
            return;
        }
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        console.Progress()
            .AutoClear(true)
            .Columns(new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn(), new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(p =>
            {
                var task = p.AddTask("", maxValue: total);
                bool first = true;
                body(name =>
                {
                    if (!first) task.Increment(1);
                    first = false;
                    task.Description = Markup.Escape(name);
                });
            });
    }
}
