using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class MovementKernels
{
    public static void Register(KernelRegistry r)
    {
        r.Add<CenterCropPad>("pad", PadCpu.Bind);
        r.AddDynamic<Compress>(CompressCpu.Run);
        r.Add<Concat>("row_copy", ConcatCpu.Bind);
        r.Add<ConstantOfShape>("fill", ConstantOfShapeCpu.Bind);
        r.Add<DepthToSpace>("strided_copy", StridedCpu.Bind);
        r.Add<Expand>("strided_copy", StridedCpu.Bind);
        r.Add<EyeLike>("eye_like", EyeLikeCpu.Bind);
        r.Add<Gather>("gather_rows", GatherCpu.Bind);
        r.Add<GatherElements>("gather_elements", GatherElementsCpu.Bind);
        r.Add<GatherND>("gather_nd", GatherNDCpu.Bind);
        r.AddDynamic<NonZero>(NonZeroCpu.Run);
        r.Add<OneHot>("one_hot", OneHotCpu.Bind);
        r.Add<Pad>("pad", PadCpu.Bind);
        r.Add<RangeOf>("range", RangeCpu.Bind);
        r.Add<ReverseSequence>("reverse_sequence", ReverseSequenceCpu.Bind);
        r.Add<ScatterElements>("scatter_elements", ScatterElementsCpu.Bind);
        r.Add<ScatterND>("scatter_nd", ScatterNDCpu.Bind);
        r.Add<Slice>("strided_copy", StridedCpu.Bind);
        r.Add<SpaceToDepth>("strided_copy", StridedCpu.Bind);
        r.Add<Split>("row_copy", SplitCpu.Bind);
        r.Add<Tile>("strided_copy", StridedCpu.Bind);
        r.Add<TopK>("top_k", TopKCpu.Bind);
        r.Add<Transpose>("strided_copy", StridedCpu.Bind);
        r.Add<Trilu>("trilu", TriluCpu.Bind);
        r.AddDynamic<Unique>(UniqueCpu.Run);
    }
}
