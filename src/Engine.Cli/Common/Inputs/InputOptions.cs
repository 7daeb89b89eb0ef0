using System.CommandLine;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>--input, --shape and the picture options: everything that says what a model is fed.</summary>
internal sealed class InputOptions
{
    private readonly ImageOptions _images = new();

    public Option<string[]> Files { get; } = new("--input", "-i") { Description = "Input from a .npy, .pb, .wav, .png, .pgm or .ppm file; NAME= may be left out for a model of one input", HelpName = "NAME=FILE" };

    public Option<string[]> Shapes { get; } = new("--shape") { Description = "Shape of an input: reshapes a file's content; without a file, seeded random values of that shape", HelpName = "NAME:1x3x224x224" };

    public void AddTo(Command command)
    {
        command.Options.Add(Files);
        command.Options.Add(Shapes);
        _images.AddTo(command);
    }

    public ImageSettings Images(ParseResult p) => _images.Get(p);

    /// <summary>
    /// The inputs, checked against the model. Inputs without file are random where a shape is given or where <paramref name="random"/> allows it;
    /// otherwise they are missing.
    /// </summary>
    public Dictionary<string, RuntimeValue> Read(ParseResult p, IReadOnlyList<ValueInfo> inputs, bool random)
    {
        var shapes = NamedValue.Shapes(p.GetValue(Shapes));
        foreach (string name in shapes.Keys) InputChecks.Find(inputs, name);
        var images = Images(p);
        var values = new Dictionary<string, RuntimeValue>();
        foreach (var (name, file) in NamedValue.Files(p.GetValue(Files), "--input"))
        {
            var input = InputChecks.Find(inputs, name);
            var value = InputFile.Read(file, input.Type, images);
            if (shapes.TryGetValue(input.Name, out var s) && value is Tensor t) value = Reshape(t, s, input.Name);
            if (!values.TryAdd(input.Name, value)) throw new InputException($"input '{input.Name}' is given twice", input.Name);
        }
        foreach (var input in inputs)
        {
            if (values.ContainsKey(input.Name)) continue;
            if (!random && !shapes.ContainsKey(input.Name)) throw new InputException($"input '{input.Name}' ({input.Type}) is missing: give --input {input.Name}=FILE, or --shape for random values", input.Name);
            values[input.Name] = RandomInputs.Make(input, shapes);
        }
        foreach (var input in inputs) InputChecks.Check(input, values[input.Name]);
        return values;
    }

    private static Tensor Reshape(Tensor t, Shape shape, string name) =>
        t.Shape.Elements == shape.Elements ? t.Reshape(shape) : throw new InputException($"--shape: input '{name}' has {t.Shape.Elements} elements in its file, {shape} takes {shape.Elements}", name);
}
