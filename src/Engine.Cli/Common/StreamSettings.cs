using System.CommandLine;
using System.Globalization;
using Engine.Formats.Data;
using Engine.Graph.Operators;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>The options that say how a model runs on a stream.</summary>
internal sealed class StreamSettings
{
    private readonly Option<string?> _input = new("--input", "-i") { Description = "The streamed input; needed where more than one is neither constant nor state", HelpName = "NAME" };
    private readonly Option<int> _axis = new("--axis") { Description = "Axis of that input along which time runs; negative counts from the end", DefaultValueFactory = _ => -1, HelpName = "N" };
    private readonly Option<int> _hop = Count("--hop", "New samples a hop; default: the fewest that all strides divide");
    private readonly Option<int> _window = Count("--window", "Samples of a window, where results are those of windows; default: they follow the signal");
    private readonly Option<int> _attention = Count("--attention-window", "Frames that a query of attention sees, where the model lets it see all before it; default: such a model is refused");
    private readonly Option<bool> _approximate = new("--approximate") { Description = "With --window: layers see every hop as a signal of its own, padded at both ends" };
    private readonly Option<bool> _continual = new("--continual") { Description = "With --window: attention is updated by the new frames, and only what is read of a window is computed" };
    private readonly Option<bool> _misaligned = new("--misaligned") { Description = "With --window: a hop may be any number of samples; frames of strided layers then lie in a window as far off as their stride" };
    private readonly Option<double> _highest = new("--highest-frequency") { Description = "Of the signal, in cycles a sample: bounds how far a misaligned stream is off", DefaultValueFactory = _ => 0.5, HelpName = "F" };
    private readonly Option<bool> _partial = new("--partial") { Description = "With --window: results from the first hop on, zeros before the signal" };
    private readonly Option<string[]> _shapes = new("--shape") { Description = "Shape of an input with free dimensions; the streamed axis may hold anything", HelpName = "NAME:1x1x64" };
    private readonly Option<string[]> _constants = new("--constant") { Description = "An input that never changes: a number or a .npy file", HelpName = "NAME=VALUE" };
    private readonly Option<string[]> _states = new("--state") { Description = "An input that holds what an output gave in the hop before, zeros at first", HelpName = "INPUT=OUTPUT" };

    /// <summary>Adds the options, that of the hop where the command has no other for it.</summary>
    public void AddTo(Command command, bool hop = true)
    {
        foreach (Option o in (Option[])[_input, _axis, .. hop ? [_hop] : Array.Empty<Option>(), _window, _attention, _approximate, _continual, _misaligned, _highest, _partial, _shapes, _constants, _states]) command.Options.Add(o);
    }

    public StreamOptions Of(ParseResult p) => new()
    {
        Input = p.GetValue(_input),
        Axis = p.GetValue(_axis),
        Hop = p.GetResult(_hop) is null ? 0 : p.GetValue(_hop),
        Window = p.GetValue(_window),
        AttentionWindow = p.GetValue(_attention),
        Approximate = p.GetValue(_approximate),
        Continual = p.GetValue(_continual),
        Misaligned = p.GetValue(_misaligned),
        HighestFrequency = p.GetValue(_highest),
        PartialWindows = p.GetValue(_partial),
        Shapes = NamedValue.Shapes(p.GetValue(_shapes)),
        Constants = Pairs(p.GetValue(_constants), "--constant").ToDictionary(a => a.Name, a => Constant(a.Value)),
        Feedback = Pairs(p.GetValue(_states), "--state").ToDictionary(a => a.Name, a => a.Value),
    };

    private static IEnumerable<(string Name, string Value)> Pairs(string[]? arguments, string option) =>
        NamedValue.Files(arguments, option).Select(a => (a.Name ?? throw CommandException.Usage($"{option} {a.File}: expected NAME=VALUE"), a.File));

    // Numbers fit any declared type: the transform brings them to it.
    private static Tensor Constant(string text)
    {
        if (text.EndsWith(".npy", StringComparison.OrdinalIgnoreCase)) return NpyFile.Read(text);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long n)) return Tensor.Scalar(n);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) ? ScalarValue.Fill(DType.F32, Shape.Scalar, v) : throw CommandException.Usage($"--constant {text}: expected a number or a .npy file");
    }

    private static Option<int> Count(string name, string description)
    {
        var o = new Option<int>(name) { Description = description, HelpName = "N" };
        o.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && !(int.TryParse(r.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n is > 0 and <= 1 << 24)) r.AddError($"{name} {r.Tokens[0].Value}: expected a number from 1 to {1 << 24}");
        });
        return o;
    }
}
