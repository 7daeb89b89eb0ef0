using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>Takes finished integer tiles of a product: the epilogue.</summary>
public unsafe interface ITileStore
{
    /// <summary>
    /// Stores tile[<paramref name="rows"/>, <paramref name="columns"/>], whose rows are <paramref name="tileStride"/> apart, at the output's
    /// row and column; <paramref name="channel"/> is the row's index for scales and biases given a row.
    /// </summary>
    void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns);
}

/// <summary>A parameter for every element, row or column of a tile: element (i, j) lies at i · Row + j · Column.</summary>
public readonly unsafe struct TileParameter<T>(T* data, nint row, nint column) where T : unmanaged
{
    /// <summary>First element; null when the parameter is left out.</summary>
    public readonly T* Data = data;

    /// <summary>Stride from a row, and from a column, to the next.</summary>
    public readonly nint Row = row, Column = column;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal T* At(int row, int column) => Data + row * Row + column * Column;
}

/// <summary>Stores the sums as they are: i32 rows of <paramref name="stride"/>.</summary>
public readonly unsafe struct Int32Store(int* y, nint stride) : ITileStore
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns)
    {
        for (int i = 0; i < rows; i++) Copy(tile + i * tileStride, y + (row + i) * stride + column, columns);
    }

    /// <summary>Elements from a row to the next.</summary>
    internal nint Stride => stride;

    /// <summary>Where an element is stored.</summary>
    internal int* At(int row, int column) => y + row * stride + column;

    /// <summary>Copies a few dozen elements, without a call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Copy(int* from, int* to, int count)
    {
        int j = 0;
        for (; j <= count - 16; j += 16) Vector512.Load(from + j).Store(to + j);
        for (; j < count; j++) to[j] = from[j];
    }
}

/// <summary>y = (sum + bias) · scale + offset in f32.</summary>
public readonly unsafe struct FloatStore(float* y, nint stride, TileParameter<float> scale, TileParameter<int> bias, TileParameter<float> offset) : ITileStore
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            int* t = tile + i * tileStride;
            float* to = y + (row + i) * stride + column;
            float* s = scale.At(channel + i, column), o = offset.At(channel + i, column);
            int* b = bias.At(channel + i, column);
            int j = 0;
            for (; j <= columns - 16; j += 16) Row16(t + j, s + j * scale.Column, b + j * bias.Column, o + j * offset.Column, to + j);
            for (; j < columns; j++)
            {
                float v = (bias.Data == null ? t[j] : unchecked(t[j] + b[j * bias.Column])) * s[j * scale.Column];
                if (offset.Data != null) v += o[j * offset.Column];
                to[j] = v;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Row16(int* t, float* s, int* b, float* o, float* to)
    {
        var v = Vector512.Load(t);
        if (bias.Data != null) v += bias.Column == 0 ? Vector512.Create(*b) : Vector512.Load(b);
        var f = Vector512.ConvertToSingle(v) * (scale.Column == 0 ? Vector512.Create(*s) : Vector512.Load(s));
        if (offset.Data != null) f += offset.Column == 0 ? Vector512.Create(*o) : Vector512.Load(o);
        f.Store(to);
    }
}

/// <summary>y = max(sum · scale + offset, <paramref name="least"/>) in f32, computed in binary64.</summary>
public readonly unsafe struct FloatGridStore(float* y, nint stride, TileParameter<double> scale, TileParameter<double> offset, double least) : ITileStore
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            int* t = tile + i * tileStride;
            float* to = y + (row + i) * stride + column;
            double* s = scale.At(channel + i, column), o = offset.At(channel + i, column);
            for (int j = 0; j < columns; j++) to[j] = (float)Math.Max(t[j] * s[j * scale.Column] + o[j * offset.Column], least);
        }
    }
}

/// <summary>
/// Requantize: y = clamp(round((sum + bias) · scale) + zero, min, max) as 8-bit codes, to nearest even, in binary32 as ONNX Runtime
/// computes it.
/// </summary>
public readonly unsafe struct RequantizeStore(byte* y, nint stride, TileParameter<float> scale, TileParameter<int> bias, int zero, int min, int max) : ITileStore
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            int* t = tile + i * tileStride;
            byte* to = y + (row + i) * stride + column;
            float* s = scale.At(channel + i, column);
            int* b = bias.At(channel + i, column);
            int j = 0;
            for (; j <= columns - 16; j += 16) Row16(t + j, s + j * scale.Column, b + j * bias.Column, to + j);
            for (; j < columns; j++)
                to[j] = (byte)Requantize.Code((bias.Data == null ? t[j] : unchecked(t[j] + b[j * bias.Column])) * s[j * scale.Column], zero, min, max);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Row16(int* t, float* s, int* b, byte* to)
    {
        var v = Vector512.Load(t);
        if (bias.Data != null) v += bias.Column == 0 ? Vector512.Create(*b) : Vector512.Load(b);
        var f = Vector512.ConvertToSingle(v) * (scale.Column == 0 ? Vector512.Create(*s) : Vector512.Load(s));
        f = Vector512.Round(f, MidpointRounding.ToEven) + Vector512.Create((float)zero);
        var q = Vector512.ConvertToInt32(Vector512.Min(Vector512.Max(f, Vector512.Create((float)min)), Vector512.Create((float)max)));
        var words = Vector256.Narrow(q.GetLower(), q.GetUpper());
        Vector128.Narrow(words.GetLower(), words.GetUpper()).Store((sbyte*)to);
    }
}

/// <summary>
/// The same with a factor and an offset in binary64, y = clamp(round(sum · scale + offset) + zero, min, max): what the real sum of a
/// dequantized product rounds to, whatever order f32 would add it in. A ReLU behind it is a larger <paramref name="min"/>.
/// </summary>
public readonly unsafe struct GridStore(byte* y, nint stride, TileParameter<double> scale, TileParameter<double> offset, int zero, int min, int max) : ITileStore
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            int* t = tile + i * tileStride;
            byte* to = y + (row + i) * stride + column;
            double* s = scale.At(channel + i, column), o = offset.At(channel + i, column);
            int j = 0;
            for (; j <= columns - 16; j += 16) Row16(t + j, s + j * scale.Column, o + j * offset.Column, to + j);
            for (; j < columns; j++)
                to[j] = (byte)(int)Math.Min(Math.Max(Math.Round(t[j] * s[j * scale.Column] + o[j * offset.Column], MidpointRounding.ToEven) + zero, min), max);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Row16(int* t, double* s, double* o, byte* to)
    {
        var (low, high) = Vector512.Widen(Vector512.Load(t));
        // Rounded values are whole numbers and clamped ones small: exact in binary32.
        var f = Vector512.Narrow(Round8(low, s, o), Round8(high, s + 8 * scale.Column, o + 8 * offset.Column));
        var q = Vector512.ConvertToInt32(f);
        var words = Vector256.Narrow(q.GetLower(), q.GetUpper());
        Vector128.Narrow(words.GetLower(), words.GetUpper()).Store((sbyte*)to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<double> Round8(Vector512<long> sums, double* s, double* o)
    {
        var v = Vector512.ConvertToDouble(sums) * (scale.Column == 0 ? Vector512.Create(*s) : Vector512.Load(s)) + (offset.Column == 0 ? Vector512.Create(*o) : Vector512.Load(o));
        v = Vector512.Round(v, MidpointRounding.ToEven) + Vector512.Create((double)zero);
        return Vector512.Min(Vector512.Max(v, Vector512.Create((double)min)), Vector512.Create((double)max));
    }
}

/// <summary>One requantized value.</summary>
public static class Requantize
{
    /// <summary>clamp(round(x) + zero).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Code(float x, int zero, int min, int max)
    {
        float r = MathF.Round(x, MidpointRounding.ToEven) + zero;
        return r >= max ? max : r >= min ? (int)r : min;
    }
}
