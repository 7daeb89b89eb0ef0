using System.CommandLine;
using System.Globalization;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary><c>engine stream</c>: what a model does on a stream, layer by layer, and its results on one, live.</summary>
internal static class StreamCommand
{
    private const string Examples = """
        engine stream                                                              keywords in a recording that comes with the program
        engine stream --run speech.wav                                             keywords in your own, 16 kHz
        engine stream ppg.onnx --axis 2 --hop 64 --window 256                      every layer: exact, from which frame on, or on whole windows
        engine stream encoder.onnx --axis 1 --hop 1 --window 64 --continual         an encoder trained on windows of 64 tokens, token by token
        engine stream denoise.onnx --axis 2 --hop 160 --report r.json              the same as a file
        engine stream ppg.onnx --axis 2 --hop 64 --window 256 --run ecg.npy        results with their time
        engine stream vad.onnx --input input --axis 1 --hop 512 --window 576 --partial --shape input:1x512 --shape state:2x1x128 \
            --constant sr=16000 --state state=stateN --run speech.wav
        arecord -t raw -f S16_LE -r 16000 | engine stream --run -                  keywords from the microphone
        arecord -t raw -f S16_LE -r 16000 | engine stream vad.onnx … --run - --events 0.5 --gap 0.2 --labels speech
        engine stream ecg-beats/model.onnx --run ecg.npy --events 0.5 --gap 0.2 --per-minute
        """;

    public static Command Create()
    {
        var model = new Argument<string?>("model") { Description = "ONNX model or engine file; default: a spotter of ten keywords that comes with the program", HelpName = "model", Arity = ArgumentArity.ZeroOrOne };
        var settings = new StreamSettings();
        Option<string?> report = new("--report") { Description = "Write the report of layers to a .md, .json or .csv file; printed where neither this nor --run is given", HelpName = "FILE" };
        Option<string?> run = new("--run") { Description = "Run on a .wav or .npy file, or on raw PCM from stdin (-), and print each result with its time in seconds", HelpName = "FILE|-" };
        Option<int?> rate = new("--rate") { Description = "Samples a second of raw PCM and .npy files; default: the model's metadata 'engine.rate', or 16000", HelpName = "HZ" };
        rate.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && !(int.TryParse(r.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n > 0)) r.AddError($"--rate {r.Tokens[0].Value}: expected a number above 0");
        });
        Option<string> raw = new Option<string>("--raw") { Description = "Raw PCM on stdin, channels interleaved", DefaultValueFactory = _ => "s16", HelpName = "s16|f32" };
        raw.AcceptOnlyFromAmong("s16", "f32");
        var threads = CommonOptions.Threads();
        var format = CommonOptions.Format("md|json|csv");
        var command = new Command("stream", "Run a model of whole signals or windows on a stream: only the new work of every hop") { model };
        var show = new StreamShow();
        settings.AddTo(command);
        show.AddTo(command);
        foreach (Option o in (Option[])[report, run, rate, raw, threads, format]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            string path = p.GetValue(model) ?? DemoModel;
            EngineModel.RequireFile(path);
            using var stream = Load(path, settings.Of(p));
            if (p.GetValue(report) is { } file) StreamReport.Make(path, stream).Write(FormatOf(file), file);
            bool isDemo = p.GetValue(model) is null && p.GetValue(report) is null;
            if ((p.GetValue(run) ?? (isDemo ? DemoSignal : null)) is { } source)
            {
                var notes = StreamNotes.Of(path, stream.Hop.Definition.Metadata);
                using var signal = StreamSource.Open(source, p.GetValue(rate) ?? notes.Rate ?? 16000, p.GetValue(raw) == "f32");
                if (notes.Rate is { } wanted && signal.Rate != wanted) throw new InputException($"the signal has {signal.Rate} samples a second, the model was made for {wanted}");
                var session = new StreamRun(stream, show.Printer(p, stream, notes, p.GetValue(model) is null), show.Delay(p, notes));
                session.Run(signal, p.GetValue(threads), cancellation);
                if (show.Timing(p) || isDemo) Console.Error.WriteLine(session.Timing(signal.Rate));
            }
            else if (p.GetValue(report) is null) StreamReport.Make(path, stream).Write(p.GetValue(format));
            return ExitCode.Ok;
        });
    }

    // Beside the program: bench/models/keywords of the repository.
    private static string DemoModel => Path.Combine(AppContext.BaseDirectory, "keywords", "model-int8.onnx");

    private static string DemoSignal => Path.Combine(AppContext.BaseDirectory, "keywords", "demo.wav");

    // Options that do not fit the model are the user's fault, not the model's.
    private static StreamModel Load(string path, StreamOptions options)
    {
        try
        {
            return EngineModel.Guard(path, () => StreamModel.Load(path, options));
        }
        catch (CommandException e) when (e.InnerException is InputException cause)
        {
            throw CommandException.Usage($"{path}: {cause.Message}");
        }
    }

    private static ReportFormat FormatOf(string file) => Path.GetExtension(file).ToLowerInvariant() switch
    {
        ".json" => ReportFormat.Json,
        ".csv" => ReportFormat.Csv,
        ".md" => ReportFormat.Md,
        _ => throw CommandException.Usage($"--report {file}: expected a .md, .json or .csv file"),
    };
}
