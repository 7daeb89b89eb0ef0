namespace Engine.Graph.Operators;

internal static class SpatialOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("AffineGrid", a => new AffineGrid(a));
        r.Add("AveragePool", a => new AveragePool(a));
        r.Add("BatchNormalization", a => new BatchNormalization(a));
        r.Add("Col2Im", a => new Col2Im(a));
        r.Add("Conv", a => new Conv(a));
        r.Add("ConvTranspose", a => new ConvTranspose(a));
        r.Add("GlobalAveragePool", a => new GlobalAveragePool(a));
        r.Add("GlobalLpPool", a => new GlobalLpPool(a));
        r.Add("GlobalMaxPool", a => new GlobalMaxPool(a));
        r.Add("GridSample", a => new GridSample(a));
        r.Add("GroupNormalization", a => new GroupNormalization(a));
        r.Add("InstanceNormalization", a => new InstanceNormalization(a));
        r.Add("LRN", a => new Lrn(a));
        r.Add("LayerNormalization", a => new LayerNormalization(a));
        r.Add("LpNormalization", a => new LpNormalization(a));
        r.Add("LpPool", a => new LpPool(a));
        r.Add("MaxPool", a => new MaxPool(a));
        r.Add("MaxRoiPool", a => new MaxRoiPool(a));
        r.Add("MaxUnpool", a => new MaxUnpool(a));
        r.Add("MeanVarianceNormalization", a => new MeanVarianceNormalization(a));
        r.Add("NonMaxSuppression", a => new NonMaxSuppression(a));
        r.Add("RMSNormalization", a => new RmsNormalization(a));
        r.Add("Resize", a => new Resize(a));
        r.Add("RoiAlign", a => new RoiAlign(a));
        r.Add("Upsample", a => new Upsample(a));
    }
}
