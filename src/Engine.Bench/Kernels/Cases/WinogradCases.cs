using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary>The transforms of a Winograd convolution: a row of tiles of 16 channels, on one thread.</summary>
internal static unsafe class WinogradCases
{
    private const int Block = ConvBlocked.Block, Inputs = 6, Outputs = 4, Positions = Inputs * Inputs;

    private static readonly string[] s_tiles = ["14", "56"];

    public static IEnumerable<KernelFamily> All =>
    [
        new("winograd-input", [ConvWinograd.InputTable], "tiles", s_tiles, d => new(null, 0, 4.0 * Block * (Inputs * Width(d[0]) + Positions * d[0])), (d, _) => Input(d[0]), Tolerance: 1e-4, OneThread: true),
        new("winograd-output", [ConvWinograd.OutputTable], "tiles", s_tiles, d => new(null, 0, 4.0 * Block * d[0] * (Positions + Outputs * Outputs)), (d, _) => Output(d[0]), Tolerance: 1e-4, OneThread: true),
    ];

    // Tiles overlap by two pixels.
    private static int Width(int tiles) => Outputs * tiles + Inputs - Outputs;

    // An odd number of cache lines, as the convolution lays them.
    private static int Step(int tiles) => (tiles | 1) * Block;

    private static KernelRun Input(int tiles)
    {
        int row = Width(tiles) * Block, step = Step(tiles);
        Tensor x = Operand.Random(1, Inputs, row), v = Operand.Zeros(Positions, step);
        return new(() =>
        {
            var transform = ConvWinograd.InputTable.Best;
            float* from = (float*)x.Pointer, to = (float*)v.Pointer;
            for (int t = 0; t < tiles; t++) transform(from + t * Outputs * Block, row, to + t * Block, step);
        }, () => v);
    }

    private static KernelRun Output(int tiles)
    {
        int row = Outputs * tiles * Block, step = Step(tiles);
        Tensor m = Operand.Random(1, Positions, step), y = Operand.Zeros(Outputs, row);
        return new(() =>
        {
            var transform = ConvWinograd.OutputTable.Best;
            float* from = (float*)m.Pointer, to = (float*)y.Pointer;
            for (int t = 0; t < tiles; t++)
                transform(new() { M = from + t * Block, PositionStep = step, Y = to + t * Outputs * Block, RowStep = row, Rows = Outputs, Columns = Outputs, Tail = StoreTail.None });
        }, () => y);
    }
}
