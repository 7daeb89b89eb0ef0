using Engine.Tensors;

namespace Engine.Graph.Operators;

/// <summary>How padding follows from the attribute <c>auto_pad</c>.</summary>
public enum AutoPad
{
    /// <summary>As <c>pads</c> says.</summary>
    NotSet,
    /// <summary>output = ⌈input / stride⌉; an odd pixel goes to the end.</summary>
    SameUpper,
    /// <summary>output = ⌈input / stride⌉; an odd pixel goes to the begin.</summary>
    SameLower,
    /// <summary>No padding.</summary>
    Valid,
}

/// <summary>The window of one spatial axis over concrete sizes; tap k of output o reads input o · Stride − PadBegin + k · Dilation.</summary>
/// <param name="Input">Input size.</param>
/// <param name="Output">Output size.</param>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Inputs an output advances by.</param>
/// <param name="Dilation">Inputs between two taps.</param>
/// <param name="PadBegin">Padding before the first input.</param>
/// <param name="PadEnd">Padding after the last input; windows may reach past it where the output size is rounded up.</param>
public readonly record struct WindowAxis(int Input, int Output, int Kernel, int Stride, int Dilation, int PadBegin, int PadEnd);

/// <summary>The window attributes that convolutions and pools share.</summary>
public sealed class WindowAttributes(Attributes a)
{
    /// <summary>Attribute <c>kernel_shape</c>, or null.</summary>
    public long[]? Kernel { get; } = a.Ints("kernel_shape");

    /// <summary>Attribute <c>strides</c>, or null.</summary>
    public long[]? Strides { get; } = a.Ints("strides");

    /// <summary>Attribute <c>dilations</c>, or null.</summary>
    public long[]? Dilations { get; } = a.Ints("dilations");

    /// <summary>Attribute <c>pads</c>, or null: all begins, then all ends.</summary>
    public long[]? Pads { get; } = a.Ints("pads");

    /// <summary>Attribute <c>ceil_mode</c>.</summary>
    public bool Ceil { get; } = a.Bool("ceil_mode");

    /// <summary>Attribute <c>auto_pad</c>.</summary>
    public AutoPad AutoPad { get; } = a.String("auto_pad", "NOTSET") switch
    {
        "" or "NOTSET" => AutoPad.NotSet,
        "SAME_UPPER" => AutoPad.SameUpper,
        "SAME_LOWER" => AutoPad.SameLower,
        "VALID" => AutoPad.Valid,
        var s => throw new OperatorException($"auto_pad '{s}' is not one of NOTSET, SAME_UPPER, SAME_LOWER, VALID"),
    };

    /// <summary>Input, kernel, stride, dilation and pads of every spatial axis of <paramref name="x"/>, checked.</summary>
    public (int Input, int Kernel, int Stride, int Dilation, int PadBegin, int PadEnd)[] Axes(Shape x, ReadOnlySpan<long> kernel)
    {
        int rank = x.Rank - 2;
        if (rank < 1) throw new OperatorException($"input 0 has shape {x}, expected batch, channels and at least one spatial axis");
        var declared = Kernel is { Length: > 0 } k ? k : kernel;
        if (declared.Length != rank) throw new OperatorException($"kernel_shape [{string.Join(',', declared.ToArray())}] does not fit the {rank} spatial axes of {x}");
        if (kernel.Length == rank && !declared.SequenceEqual(kernel)) throw new OperatorException($"kernel_shape [{string.Join(',', declared.ToArray())}] does not fit weights with kernel [{string.Join(',', kernel.ToArray())}]");
        Length(Strides, rank, "strides");
        Length(Dilations, rank, "dilations");
        Length(Pads, 2 * rank, "pads");
        var axes = new (int, int, int, int, int, int)[rank];
        for (int i = 0; i < rank; i++)
            axes[i] = (x.Int(i + 2), AtLeast(declared[i], 1, "kernel_shape"), AtLeast(At(Strides, i, 1), 1, "strides"), AtLeast(At(Dilations, i, 1), 1, "dilations"),
                AtLeast(AutoPad == AutoPad.NotSet ? At(Pads, i, 0) : 0, 0, "pads"), AtLeast(AutoPad == AutoPad.NotSet ? At(Pads, i + rank, 0) : 0, 0, "pads"));
        return axes;
    }

    /// <summary>The windows of a convolution or pool over <paramref name="x"/>.</summary>
    public WindowAxis[] Resolve(Shape x, ReadOnlySpan<long> kernel)
    {
        var axes = Axes(x, kernel);
        var windows = new WindowAxis[axes.Length];
        for (int i = 0; i < axes.Length; i++)
        {
            var (input, k, stride, dilation, begin, end) = axes[i];
            long reach = (k - 1L) * dilation + 1, output;
            if (AutoPad is AutoPad.SameUpper or AutoPad.SameLower)
            {
                output = Checked.CeilDiv(input, stride);
                long total = Math.Max(0, (output - 1) * stride + reach - input);
                begin = Checked.Int(AutoPad == AutoPad.SameUpper ? total / 2 : total - total / 2);
                end = Checked.Int(total - begin);
            }
            else
            {
                long free = (long)input + begin + end - reach;
                if (free < 0)
                {
                    // No window fits: an empty input gives an empty output, anything else is an error.
                    if (input != 0) throw new OperatorException($"a window of {reach} does not fit axis {i + 2} of {x} with padding {begin} and {end}");
                    output = 0;
                }
                else
                {
                    output = (Ceil ? Checked.CeilDiv(free, stride) : free / stride) + 1;
                    // A window that starts in the end padding sees no input.
                    if (Ceil && (output - 1) * stride >= (long)input + begin) output--;
                }
            }
            // Kernels compute positions with 32-bit integers.
            Checked.Int((long)input + begin + end + reach + stride);
            windows[i] = new WindowAxis(input, Checked.Int(output), k, stride, dilation, begin, end);
        }
        return windows;
    }

    /// <summary>The output shape: batch and <paramref name="channels"/>, then the window outputs.</summary>
    public static Shape OutputShape(Shape x, long channels, WindowAxis[] windows)
    {
        var d = new long[x.Rank];
        (d[0], d[1]) = (x[0], channels);
        for (int i = 0; i < windows.Length; i++) d[i + 2] = windows[i].Output;
        return new Shape(d);
    }

    private static long At(long[]? values, int i, long fallback) => values is { Length: > 0 } ? values[i] : fallback;

    private static int AtLeast(long v, int least, string attribute) =>
        v < least ? throw new OperatorException($"{attribute} holds {v}, expected at least {least}") : Checked.Int(v);

    private static void Length(long[]? values, int expected, string attribute)
    {
        if (values is { Length: > 0 } && values.Length != expected) throw new OperatorException($"{attribute} has {values.Length} entries, expected {expected}");
    }
}
