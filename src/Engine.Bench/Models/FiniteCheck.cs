using System.Globalization;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>Looks at what every step writes and keeps the first NaN or infinity.</summary>
internal sealed class FiniteCheck
{
    private int _step;

    /// <summary>The first step that wrote one, in words; null while there is none.</summary>
    public string? Found { get; private set; }

    /// <summary>A <see cref="StepObserver"/>.</summary>
    public unsafe void Observe(PlanStep step, in StepContext context, long started, long ended)
    {
        for (int o = 0; Found is null && o < step.OutputTypes.Count; o++)
        {
            if (step.OutputTypes[o] is not { } output || First(new ReadOnlySpan<byte>(context.OutPointer(o), checked((int)step.Outputs[o].Bytes)), output) is not { } bad) continue;
            Found = string.Create(CultureInfo.InvariantCulture, $"step {_step} '{step.Name}' ({step.Operator}, {step.Stem}) writes {bad.Value} at element {bad.At} of {output.Type}");
        }
        _step++;
    }

    /// <summary>As <see cref="First(ReadOnlySpan{byte}, StepOutput)"/>, of a value by itself.</summary>
    public static (long At, double Value)? First(RuntimeValue? value) => value is Tensor { DType: not DType.String } t ? First(t.Bytes, new StepOutput(t.Type, Encoding.Plain)) : null;

    /// <summary>The first element of a tensor that is NaN or infinite, or null. Lanes that only pad are not looked at; elements of blocked tensors count as they lie.</summary>
    public static (long At, double Value)? First(ReadOnlySpan<byte> bytes, StepOutput output)
    {
        if (output.Encoding is CodeEncoding) return null;
        var numbers = output.Type.DType switch
        {
            DType.F32 or DType.F64 or DType.F16 or DType.BF16 => output.Type.DType,
            _ => DType.Undefined,
        };
        if (numbers == DType.Undefined) return null;
        long width = numbers.ByteCount(1), count = bytes.Length / width;
        for (long i = 0; i < count; i++)
        {
            var element = bytes.Slice((int)(i * width), (int)width);
            double v = numbers switch
            {
                DType.F32 => BitConverter.ToSingle(element),
                DType.F64 => BitConverter.ToDouble(element),
                DType.F16 => (double)BitConverter.ToHalf(element),
                _ => BitConverter.Int32BitsToSingle(BitConverter.ToInt16(element) << 16),
            };
            if (!double.IsFinite(v) && IsContent(i, output)) return (i, v);
        }
        return null;
    }

    private static bool IsContent(long at, StepOutput output)
    {
        if (output.Encoding is not BlockedEncoding b) return output.Encoding is PlainEncoding;
        var shape = output.Type.Shape;
        long inner = 1;
        for (int d = b.Axis + 1; d < shape.Rank; d++) inner *= shape[d];
        long lane = at % b.Block, block = at / b.Block / inner % ((shape[b.Axis] + b.Block - 1) / b.Block);
        return block * b.Block + lane < shape[b.Axis];
    }
}
