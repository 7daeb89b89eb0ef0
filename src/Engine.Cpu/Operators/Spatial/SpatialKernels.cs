using Engine.Graph.Operators;
using Engine.Runtime;

namespace Engine.Cpu;

internal static class SpatialKernels
{
    public static void Register(KernelRegistry r)
    {
        r.AddConverter(BlockedConvertCpu.Bind, BlockedConvertCpu.Estimate);
        BlockedMovementCpu.Register(r);
        r.Add<AffineGrid>("affine-grid", AffineGridCpu.Bind);
        r.AddCandidates<AveragePool>(PoolBlockedCpu.Average);
        r.Add<BatchNormalization>("batch-norm", BatchNormCpu.Bind);
        r.Add<Col2Im>("col2im", Col2ImCpu.Bind);
        r.AddCandidates<Conv>(ConvCpu.Candidates);
        r.Add<ConvTranspose>("conv-transpose", ConvTransposeCpu.Bind);
        r.AddCandidates<GlobalAveragePool>(PoolBlockedCpu.GlobalAverage);
        r.Add<GlobalLpPool>("global-lp-pool", PoolCpu.GlobalLp);
        r.Add<GlobalMaxPool>("global-max-pool", PoolCpu.GlobalMax);
        r.Add<GridSample>("grid-sample", GridSampleCpu.Bind);
        r.Add<GroupNormalization>("group-norm", NormCpu.Group);
        r.Add<InstanceNormalization>("instance-norm", NormCpu.Instance);
        r.Add<LayerNormalization>("layer-norm", LayerNormCpu.Layer);
        r.Add<LpNormalization>("lp-norm", NormCpu.Lp);
        r.Add<LpPool>("lp-pool", PoolCpu.Lp);
        r.Add<Lrn>("local-response-norm", NormCpu.LocalResponse);
        r.AddCandidates<MaxPool>(PoolBlockedCpu.Max);
        r.Add<MaxRoiPool>("max-roi-pool", RegionPoolCpu.Max);
        r.Add<MaxUnpool>("max-unpool", MaxUnpoolCpu.Bind);
        r.Add<MeanVarianceNormalization>("mean-variance-norm", NormCpu.MeanVariance);
        r.AddDynamic<NonMaxSuppression>(NonMaxSuppressionCpu.Run);
        r.AddCandidates<Resize>(ResizeCpu.Candidates);
        r.Add<RmsNormalization>("rms-norm", LayerNormCpu.Rms);
        r.Add<RoiAlign>("roi-align", RegionPoolCpu.Align);
        r.AddCandidates<Upsample>(ResizeCpu.Candidates);
    }
}
