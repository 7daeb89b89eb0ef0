using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>Runs a command line: one clear line on stderr for whatever goes wrong, and the documented exit code.</summary>
internal static class CommandHost
{
    private const string ExitCodes = """
        Exit codes:
          0  ok
          1  the run failed
          2  usage: wrong options, a missing file, an input that does not fit the model
          3  invalid or unsupported model
          4  ran, but a test failed or a threshold was missed

        """;

    public static Option<bool> Verbose { get; } = new("--verbose") { Description = "Show times where there are any, and the stack trace of an error", Recursive = true };

    /// <summary>A verb that returns an exit code; examples appear under its help.</summary>
    public static T Action<T>(this T command, string examples, Func<ParseResult, CancellationToken, ExitCode> run) where T : Command
    {
        command.SetAction((parse, cancellation) => Task.FromResult((int)run(parse, cancellation)));
        Examples[command] = examples;
        return command;
    }

    private static Dictionary<Command, string> Examples { get; } = [];

    /// <summary>Parses and runs; <paramref name="program"/> is the name that users know, whatever the assembly is called.</summary>
    public static int Run(string program, RootCommand root, string[] args)
    {
        root.Options.Add(Verbose);
        foreach (var help in root.Options.OfType<HelpOption>()) help.Action = new HelpWithExamples(program);
        // '@' begins many real file names; nothing here is long enough to need response files.
        var parse = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
        if (parse.Action is ParseErrorAction or null)
            return Fail(parse, ExitCode.Usage, parse.Errors.Count > 0 ? parse.Errors[0].Message : "a verb is missing", null, hint: true);
        return Invoke(parse);
    }

    private static int Invoke(ParseResult parse)
    {
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext c)
        {
            // The first signal stops at the next layer; a second one ends the process at once.
            c.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, stop.Token).GetAwaiter().GetResult();
        }
        catch (CommandException e)
        {
            return Fail(parse, e.Code, e.Message, e.InnerException);
        }
        catch (EngineException e)
        {
            return Fail(parse, CodeOf(e), e.Message, e);
        }
        catch (OperationCanceledException e)
        {
            return Fail(parse, ExitCode.RunFailed, "interrupted", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Fail(parse, ExitCode.RunFailed, e.Message, e);
        }
        catch (OutOfMemoryException e)
        {
            return Fail(parse, ExitCode.RunFailed, "out of memory", e);
        }
        catch (Exception e)
        {
            return Fail(parse, ExitCode.RunFailed, $"internal error: {e.GetType().Name}: {e.Message}", e);
        }
    }

    private static ExitCode CodeOf(EngineException e) => e switch
    {
        InputException or DataFormatException => ExitCode.Usage,
        InvalidModelException or UnsupportedException => ExitCode.InvalidModel,
        _ => ExitCode.RunFailed,
    };

    private static int Fail(ParseResult parse, ExitCode code, string message, Exception? cause, bool hint = false)
    {
        string line = string.Join(' ', message.Split((char[])['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Console.Error.WriteLine($"error: {line}{(hint ? " (--help shows the options)" : "")}");
        if (cause is not null && parse.GetValue(Verbose)) Console.Error.WriteLine(cause);
        return (int)code;
    }

    /// <summary>The library's help, then examples and exit codes.</summary>
    private sealed class HelpWithExamples(string program) : SynchronousCommandLineAction
    {
        private readonly HelpAction _help = new();

        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var o = parseResult.InvocationConfiguration.Output;
            using var text = new StringWriter { NewLine = o.NewLine };
            parseResult.InvocationConfiguration.Output = text;
            _help.Invoke(parseResult);
            parseResult.InvocationConfiguration.Output = o;
            o.Write(text.ToString().Replace($"  {RootCommand.ExecutableName} ", $"  {program} ", StringComparison.Ordinal));
            if (Examples.TryGetValue(parseResult.CommandResult.Command, out var examples)) o.WriteLine($"Examples:\n  {examples.ReplaceLineEndings("\n  ")}\n");
            o.Write(ExitCodes);
            return 0;
        }
    }
}
