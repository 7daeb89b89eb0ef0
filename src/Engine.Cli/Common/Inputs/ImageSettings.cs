using System.CommandLine;
using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>What the command line says about pictures; what it leaves open follows from the declared input.</summary>
internal sealed record ImageSettings((int Width, int Height)? Size, double[] Mean, double[] Std, ImageLayout? Layout, double? Scale)
{
    public static ImageSettings Default { get; } = new(null, [], [], null, null);

    public Tensor Apply(Tensor picture, DeclaredType.Tensor? declared)
    {
        var dims = declared?.Dims;
        var layout = Layout ?? Guess(dims);
        int channelAxis = dims is null ? -1 : layout == ImageLayout.Nchw ? dims.Length - 3 : dims.Length - 1;
        int? channels = dims is { Length: 3 or 4 } && dims[channelAxis] is { IsKnown: true, Value: >= 1 and <= 4 } c ? (int)c.Value : null;
        var t = new ImagePreprocessing
        {
            Size = Size,
            Channels = dims is { Length: 2 } ? 1 : channels,
            Scale = Scale,
            Mean = Mean,
            Std = Std,
            Layout = layout,
            DType = declared?.DType ?? DType.F32,
        }.Apply(picture);
        var s = t.Shape;
        return dims?.Length switch
        {
            3 => t.Reshape(new Shape(s[1], s[2], s[3])),
            2 => t.Reshape(new Shape(s[layout == ImageLayout.Nchw ? 2 : 1], s[layout == ImageLayout.Nchw ? 3 : 2])),
            _ => t,
        };
    }

    /// <summary>Channels last only where the last axis, and not the one before height and width, could be channels.</summary>
    private static ImageLayout Guess(Dim[]? dims)
    {
        bool MayBeChannels(Dim d) => d.IsKnown && d.Value is 1 or 3 or 4;
        return dims is { Length: 3 or 4 } && MayBeChannels(dims[^1]) && !MayBeChannels(dims[^3]) ? ImageLayout.Nhwc : ImageLayout.Nchw;
    }
}

/// <summary>The options that describe how pictures become inputs.</summary>
internal sealed class ImageOptions
{
    private readonly Option<string?> _resize = new("--resize") { Description = "Scale pictures to WIDTHxHEIGHT (bilinear)", HelpName = "WxH" };
    private readonly Option<string?> _mean = new("--mean") { Description = "Subtract from the channels after scaling, as in 0.485,0.456,0.406", HelpName = "a,b,c" };
    private readonly Option<string?> _std = new("--std") { Description = "Divide the channels, as in 0.229,0.224,0.225", HelpName = "a,b,c" };
    private readonly Option<ImageLayout?> _layout = new("--layout") { Description = "Order of a picture's axes: nchw or nhwc; default: what the input declares", HelpName = "nchw|nhwc" };
    private readonly Option<double?> _scale = new("--scale") { Description = "Multiply picture samples; default 1/255 for floating-point inputs, 1 for integers", HelpName = "factor" };

    public void AddTo(Command command)
    {
        foreach (Option o in (Option[])[_resize, _mean, _std, _layout, _scale]) command.Options.Add(o);
    }

    public ImageSettings Get(ParseResult p) => new(
        NamedValue.Size(p.GetValue(_resize), "--resize"),
        NamedValue.Numbers(p.GetValue(_mean), "--mean"),
        NamedValue.Numbers(p.GetValue(_std), "--std"),
        p.GetValue(_layout),
        p.GetValue(_scale));
}
