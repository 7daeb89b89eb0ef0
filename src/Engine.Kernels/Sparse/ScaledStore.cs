using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

/// <summary>y = sum · (<paramref name="rowScale"/>[row] · <paramref name="columnScale"/>[column]) in f32, then the epilogue; one scale serves all columns where <paramref name="oneScale"/>.</summary>
public readonly unsafe struct ScaledStore<TEpilogue>(float* y, nint stride, float* rowScale, float* columnScale, bool oneScale, TEpilogue epilogue) : ITileStore where TEpilogue : struct, IGemmEpilogue
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Store(int* tile, nint tileStride, int row, int channel, int rows, int column, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            int* t = tile + i * tileStride;
            float* to = y + (row + i) * stride + column, s = columnScale + (oneScale ? 0 : column);
            float scale = rowScale[channel + i];
            int j = 0;
            for (; j <= columns - 16; j += 16)
                (Vector512.ConvertToSingle(Vector512.Load(t + j)) * (Vector512.Create(scale) * (oneScale ? Vector512.Create(*s) : Vector512.Load(s + j)))).Store(to + j);
            for (; j < columns; j++) to[j] = t[j] * (scale * s[oneScale ? 0 : j]);
            if (!epilogue.IsEmpty) epilogue.Apply(row + i, column, new Span<float>(to, columns));
        }
    }
}
