namespace Engine.Ptx.Text;

/// <summary>Names of the special registers that this machine knows.</summary>
internal static class SpecialRegisters
{
    private static readonly HashSet<string> Names =
    [
        "%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z", "%ctaid.x", "%ctaid.y", "%ctaid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z",
        "%laneid", "%warpid", "%nwarpid", "%smid", "%nsmid", "%gridid", "%lanemask_eq", "%lanemask_le", "%lanemask_lt", "%lanemask_ge", "%lanemask_gt",
        "%clock", "%clock_hi", "%clock64", "%globaltimer", "%globaltimer_lo", "%globaltimer_hi", "%total_smem_size", "%dynamic_smem_size", "%aggr_smem_size",
    ];

    public static bool Exists(string name) => Names.Contains(name);
}
