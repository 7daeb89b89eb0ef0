using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Engine.Kernels;

public static unsafe partial class GemmU8S8
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvxVnni(in Tile t) => DotPanels.Run<DotAvxVnni, Vector256<int>, Vector256<byte>, Vector256<sbyte>>(t);

    // A panel of 16 columns is one vector of 512 bits; two of 256 fill the tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx512(in Tile t)
    {
        int wide = t.Columns / PanelColumns * PanelColumns;
        if (wide > 0) DotPanels.Run<DotAvx512, Vector512<int>, Pair<Vector512<short>>, Pair<Vector512<short>>>(t.Of(0, wide));
        if (wide < t.Columns) DotPanels.Run<DotAvx2, Vector256<int>, Pair<Vector256<short>>, Pair<Vector256<short>>>(t.Of(wide, t.Columns - wide));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileAvx2(in Tile t) => DotPanels.Run<DotAvx2, Vector256<int>, Pair<Vector256<short>>, Pair<Vector256<short>>>(t);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TileDotProd(in Tile t) => DotPanels.Run<DotArm, Pair<Vector128<int>>, Vector128<sbyte>, Vector128<sbyte>>(t);
}
