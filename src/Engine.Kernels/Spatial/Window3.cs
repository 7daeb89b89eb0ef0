namespace Engine.Kernels;

/// <summary>A sliding window along one axis; tap k of output o reads input o · Stride − Pad + k · Dilation.</summary>
/// <param name="Input">Input size.</param>
/// <param name="Output">Output size.</param>
/// <param name="Kernel">Taps.</param>
/// <param name="Stride">Inputs an output advances by.</param>
/// <param name="Dilation">Inputs between two taps.</param>
/// <param name="Pad">Padding before the first input; may be negative for transposed windows.</param>
/// <param name="PadEnd">Padding after the last input.</param>
public readonly record struct WindowDim(int Input, int Output, int Kernel, int Stride, int Dilation, int Pad, int PadEnd)
{
    /// <summary>The window of an axis that is not there.</summary>
    public static WindowDim One => new(1, 1, 1, 1, 1, 0, 0);

    /// <summary>True when every output reads just its own input.</summary>
    public bool IsPointwise => Kernel == 1 && Stride == 1 && Pad == 0 && PadEnd == 0 && Input == Output;

    /// <summary>The taps [first, end) of output <paramref name="o"/> that fall inside the input.</summary>
    public void Taps(int o, out int first, out int end)
    {
        long start = (long)o * Stride - Pad;
        first = start >= 0 ? 0 : (int)Math.Min(Kernel, (-start + Dilation - 1) / Dilation);
        long room = Input - start;
        end = room <= 0 ? first : (int)Math.Max(first, Math.Min(Kernel, (room + Dilation - 1) / Dilation));
    }

    /// <summary>The outputs [first, end) whose tap <paramref name="k"/> falls inside the input.</summary>
    public void Outputs(int k, out int first, out int end)
    {
        long shift = Pad - (long)k * Dilation;
        first = shift <= 0 ? 0 : (int)Math.Min(Output, (shift + Stride - 1) / Stride);
        long room = Input + shift;
        end = room <= 0 ? first : (int)Math.Max(first, Math.Min(Output, (room + Stride - 1) / Stride));
    }

    /// <summary>Taps of output <paramref name="o"/> inside the input and its padding: windows may reach past the end padding.</summary>
    public int PaddedTaps(int o) => (int)Math.Clamp(((long)Input + PadEnd + Pad - (long)o * Stride + Dilation - 1) / Dilation, 0, Kernel);

    /// <summary>First input of output <paramref name="o"/>; negative in the padding.</summary>
    public int Start(int o) => o * Stride - Pad;
}

/// <summary>A window over depth, height and width; models with fewer spatial axes have <see cref="WindowDim.One"/> in front.</summary>
public readonly record struct Window3(WindowDim D, WindowDim H, WindowDim W)
{
    /// <summary>Input pixels of a channel.</summary>
    public int Inputs => Tensors.Checked.Int((long)D.Input * H.Input * W.Input);

    /// <summary>Output pixels of a channel.</summary>
    public int Outputs => Tensors.Checked.Int((long)D.Output * H.Output * W.Output);

    /// <summary>Rows of output pixels of so many channels: the independent parts that loops over windows are split in.</summary>
    public int RowsOf(long planes) => Tensors.Checked.Int(Tensors.Checked.Mul(planes, (long)D.Output * H.Output));

    /// <summary>Cuts the number of such a row into channel, depth and height.</summary>
    public void Locate(int row, out int plane, out int depth, out int height)
    {
        (int slice, height) = Math.DivRem(row, H.Output);
        (plane, depth) = Math.DivRem(slice, D.Output);
    }

    /// <summary>Taps of a window.</summary>
    public int Taps => Tensors.Checked.Int((long)D.Kernel * H.Kernel * W.Kernel);

    /// <summary>True when every output reads just its own input.</summary>
    public bool IsPointwise => D.IsPointwise && H.IsPointwise && W.IsPointwise;
}

/// <summary>Sizes of a convolution: batch, input and output channels, groups, window.</summary>
public readonly record struct ConvShape(int Batch, int Channels, int OutChannels, int Group, Window3 Window)
{
    /// <summary>Input channels of a group.</summary>
    public int GroupChannels => Channels / Group;

    /// <summary>Output channels of a group.</summary>
    public int GroupOutChannels => OutChannels / Group;

    /// <summary>Multiplies and adds.</summary>
    public double Operations => 2.0 * Batch * OutChannels * Window.Outputs * GroupChannels * Window.Taps;
}
