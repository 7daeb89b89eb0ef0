using Engine.Ptx.Code;

namespace Engine.Ptx.Machine;

/// <summary>Special registers.</summary>
internal static unsafe class Presets
{
    public static void Fill(byte* file, Slot slot, ulong value)
    {
        if (slot.Wide) new Span<ulong>(file + slot.Offset, 32).Fill(value);
        else new Span<uint>(file + slot.Offset, 32).Fill((uint)value);
    }

    /// <summary>What is the same in the whole grid.</summary>
    public static ulong Uniform(Launch launch, string name) => name switch
    {
        "%ntid.x" => launch.Size.X,
        "%ntid.y" => launch.Size.Y,
        "%ntid.z" => launch.Size.Z,
        "%nctaid.x" => launch.Grid.X,
        "%nctaid.y" => launch.Grid.Y,
        "%nctaid.z" => launch.Grid.Z,
        "%nwarpid" => (ulong)((launch.Threads + 31) / 32),
        "%nsmid" => 1,
        "%total_smem_size" or "%aggr_smem_size" => (ulong)launch.SharedBytes,
        "%dynamic_smem_size" => (ulong)launch.DynamicBytes,
        _ => 0,
    };

    /// <summary>What depends on the lane only.</summary>
    public static void FillLanes(byte* file, Preset preset)
    {
        for (int i = 0; i < 32; i++)
        {
            uint bit = 1u << i;
            uint? value = preset.Name switch
            {
                "%laneid" => (uint)i,
                "%lanemask_eq" => bit,
                "%lanemask_lt" => bit - 1,
                "%lanemask_le" => bit | (bit - 1),
                "%lanemask_gt" => ~(bit | (bit - 1)),
                "%lanemask_ge" => ~(bit - 1),
                _ => null,
            };
            if (value is { } lane) Set(file, preset.Slot, i, lane);
        }
    }

    /// <summary>What depends on the warp and its block.</summary>
    public static void FillWarp(Warp warp)
    {
        Block block = warp.Block;
        (uint sx, uint sy, _) = block.Launch.Size;
        foreach (Preset preset in block.Launch.Code.File.Presets)
        {
            switch (preset.Name)
            {
                case null: break;
                case "%ctaid.x": Fill(warp.Registers, preset.Slot, block.X); break;
                case "%ctaid.y": Fill(warp.Registers, preset.Slot, block.Y); break;
                case "%ctaid.z": Fill(warp.Registers, preset.Slot, block.Z); break;
                case "%warpid": Fill(warp.Registers, preset.Slot, (uint)warp.Index); break;
                case "%tid.x" or "%tid.y" or "%tid.z":
                    for (int i = 0; i < 32; i++)
                    {
                        uint thread = (uint)(warp.Index * 32 + i);
                        Set(warp.Registers, preset.Slot, i, preset.Name[^1] switch { 'x' => thread % sx, 'y' => thread / sx % sy, _ => thread / sx / sy });
                    }
                    break;
            }
        }
    }

    private static void Set(byte* file, Slot slot, int lane, uint value)
    {
        if (slot.Wide) ((ulong*)(file + slot.Offset))[lane] = value;
        else ((uint*)(file + slot.Offset))[lane] = value;
    }
}
