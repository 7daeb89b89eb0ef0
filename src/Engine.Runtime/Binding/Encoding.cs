using Engine.Graph;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>How a wire's logical tensor lies in memory. Row order, channel padding and padding values belong to it.</summary>
public abstract record Encoding
{
    /// <summary>Row-major, as ONNX says.</summary>
    public static Encoding Plain { get; } = new PlainEncoding();

    /// <summary>Bytes that a tensor of this logical type takes.</summary>
    public abstract long StorageBytes(TensorType type);
}

/// <summary>Row-major elements of the logical type.</summary>
public sealed record PlainEncoding : Encoding
{
    /// <inheritdoc/>
    public override long StorageBytes(TensorType type) => type.Bytes;

    /// <inheritdoc/>
    public override string ToString() => "plain";
}

/// <summary>
/// Axis <paramref name="Axis"/> split in blocks of <paramref name="Block"/>, the block innermost: NCHW with C = 40 blocked by 16 is
/// [N, 3, H, W, 16]. The content of padding lanes is undefined: no kernel lets it reach another element.
/// </summary>
public sealed record BlockedEncoding(int Axis, int Block) : Encoding
{
    /// <inheritdoc/>
    public override long StorageBytes(TensorType type)
    {
        long c = type.Shape[Axis];
        return type.DType.ByteCount(Checked.Mul(c == 0 ? 0 : type.Shape.Elements / c, Checked.AlignUp(c, Block)));
    }

    /// <inheritdoc/>
    public override string ToString() => $"blocked({Axis},{Block})";
}

/// <summary>The logical f32 tensor held as 8-bit codes of a grid: x = scale · (q − zero). Scale and zero point are per tensor.</summary>
public abstract record CodeEncoding(DType Code, float Scale, int Zero) : Encoding
{
    /// <summary>The grid this encoding holds.</summary>
    public WireQuantization Grid => new(Code, Scale, Zero);

    /// <summary>Name of the form with the grid.</summary>
    protected string Describe(string form) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{form}({Code.Display()},{Scale:g4},{Zero})");
}

/// <summary>Codes in row-major order.</summary>
public sealed record QuantizedEncoding(DType Code, float Scale, int Zero) : CodeEncoding(Code, Scale, Zero)
{
    /// <summary>The encoding that holds a wire's grid exactly.</summary>
    public static QuantizedEncoding Of(WireQuantization q) => new(q.Code, q.Scale, q.Zero);

    /// <inheritdoc/>
    public override long StorageBytes(TensorType type) => Code.ByteCount(type.Elements);

    /// <inheritdoc/>
    public override string ToString() => Describe("quantized");
}

/// <summary>
/// Codes with channels (axis 1) innermost: NCHW as [N, H, W, C], C padded to a multiple of 4. Codes are u8: those of an i8 grid are stored 128 more.
/// The content of padding is undefined: what meets it has weight zero.
/// </summary>
public sealed record ChannelsLastEncoding(DType Code, float Scale, int Zero) : CodeEncoding(Code, Scale, Zero)
{
    private const int Quad = 4;

    /// <summary>The encoding that holds a wire's grid exactly.</summary>
    public static ChannelsLastEncoding Of(WireQuantization q) => new(q.Code, q.Scale, q.Zero);

    /// <inheritdoc/>
    public override long StorageBytes(TensorType type)
    {
        long c = type.Shape[1];
        return Checked.Mul(c == 0 ? 0 : type.Shape.Elements / c, Checked.AlignUp(c, Quad));
    }

    /// <inheritdoc/>
    public override string ToString() => Describe("channels-last");
}

/// <summary>
/// A wire of −1 and +1 as bits, set for −1, axis <paramref name="Axis"/> packed innermost: NCHW with axis 1 is [N, H, W, ⌈C / 64⌉] words u64, channel c at bit c mod 64 of word c / 64; [N, C] is
/// [N, ⌈C / 64⌉]. Bits past the last channel are zero. An element below 0 counts as −1, any other as +1.
/// </summary>
public sealed record BitsEncoding(int Axis = 1) : Encoding
{
    /// <summary>Channels of a word.</summary>
    public const int WordBits = 64;

    /// <inheritdoc/>
    public override long StorageBytes(TensorType type)
    {
        long c = type.Shape[Axis];
        return Checked.Mul(c == 0 ? 0 : type.Shape.Elements / c, Checked.Mul(Checked.CeilDiv(c, WordBits), sizeof(ulong)));
    }

    /// <inheritdoc/>
    public override string ToString() => $"bits({Axis})";
}

/// <summary>
/// A wire of −1 and +1 as <see cref="BitPlanes"/>, a bit plane a channel along axis <paramref name="Axis"/>, set for −1; the other axes in their order are its pixels: of NCHW bit (n · H + h) · W + w. An element
/// below 0 counts as −1, any other as +1; bits past the last pixel are undefined.
/// </summary>
public sealed record PlanesEncoding(int Axis = 1) : Encoding
{
    /// <inheritdoc/>
    public override long StorageBytes(TensorType type)
    {
        long c = type.Shape[Axis];
        return c == 0 ? 0 : BitPlanes.Bytes(type.Shape.Elements / c, c);
    }

    /// <inheritdoc/>
    public override string ToString() => $"planes({Axis})";
}
