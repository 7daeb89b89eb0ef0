using System.Diagnostics;

namespace Engine.EndToEnd;

/// <summary>One run of a program as users run it: a process with pipes for stdout and stderr.</summary>
internal sealed record ProgramRun(int ExitCode, string Output, string Error)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static ProgramRun Engine(string folder, params string[] arguments) => Start("Engine.Cli", folder, arguments);

    /// <summary>The same with what stdin gives.</summary>
    public static ProgramRun EngineFed(string folder, byte[] stdin, params string[] arguments) => Start("Engine.Cli", folder, arguments, stdin);

    public static ProgramRun Bench(string folder, params string[] arguments) => Start("Engine.Bench", folder, arguments);

    /// <summary>Starts a program without waiting for it; its output goes nowhere.</summary>
    public static Process Begin(string project, string folder, params string[] arguments)
    {
        var p = Launch(project, folder, arguments);
        p.OutputDataReceived += static (_, _) => { };
        p.ErrorDataReceived += static (_, _) => { };
        p.BeginOutputReadLine();
        p.BeginErrorReadLine();
        return p;
    }

    private static Process Launch(string project, string folder, string[] arguments, bool isFed = false)
    {
        // artifacts/bin/Engine.EndToEnd/debug/ → artifacts/bin/<project>/debug/
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        string assembly = Path.Combine(here.Parent!.Parent!.FullName, project, here.Name, project + ".dll");
        return Process.Start(new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [assembly, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = isFed,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    private static ProgramRun Start(string project, string folder, string[] arguments, byte[]? stdin = null)
    {
        using var p = Launch(project, folder, arguments, stdin is not null);
        var output = p.StandardOutput.ReadToEndAsync();
        var error = p.StandardError.ReadToEndAsync();
        if (stdin is not null)
        {
            p.StandardInput.BaseStream.Write(stdin);
            p.StandardInput.Close();
        }
        if (!p.WaitForExit(Limit))
        {
            p.Kill(entireProcessTree: true);
            throw new TimeoutException($"{project} {string.Join(' ', arguments)} ran longer than {Limit}");
        }
        return new(p.ExitCode, output.Result, error.Result);
    }

    /// <summary>The exit code, nothing on stdout, and one line on stderr that holds every one of the texts.</summary>
    public void FailsWith(int code, params string[] texts)
    {
        Assert.True(code == ExitCode, $"exit code {ExitCode}, expected {code}\n{Output}\n{Error}");
        Assert.Equal("", Output);
        Assert.StartsWith("error: ", Error, StringComparison.Ordinal);
        Assert.Single(Error.TrimEnd('\r', '\n').Split('\n'));
        foreach (string t in texts) Assert.Contains(t, Error, StringComparison.Ordinal);
    }

    /// <summary>Exit code 0 and nothing on stderr; returns stdout.</summary>
    public string Succeeds()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Output}\n{Error}");
        Assert.Equal("", Error);
        return Output;
    }
}
