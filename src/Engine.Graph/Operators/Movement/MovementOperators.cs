namespace Engine.Graph.Operators;

internal static class MovementOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("CenterCropPad", a => new CenterCropPad(a));
        r.Add("Compress", a => new Compress(a));
        r.Add("Concat", a => new Concat(a));
        r.Add("ConstantOfShape", a => new ConstantOfShape(a));
        r.Add("DepthToSpace", a => new DepthToSpace(a));
        r.Add("Expand", a => new Expand(a));
        r.Add("EyeLike", a => new EyeLike(a));
        r.Add("Flatten", a => new Flatten(a));
        r.Add("Gather", a => new Gather(a));
        r.Add("GatherElements", a => new GatherElements(a));
        r.Add("GatherND", a => new GatherND(a));
        r.Add("NonZero", a => new NonZero(a));
        r.Add("OneHot", a => new OneHot(a));
        r.Add("Pad", a => new Pad(a));
        r.Add("Range", a => new RangeOf(a));
        r.Add("Reshape", a => new Reshape(a));
        r.Add("ReverseSequence", a => new ReverseSequence(a));
        r.Add("Scatter", a => new ScatterElements(a, "Scatter"));
        r.Add("ScatterElements", a => new ScatterElements(a));
        r.Add("ScatterND", a => new ScatterND(a));
        r.Add("Shape", a => new ShapeOf(a));
        r.Add("Size", a => new SizeOf(a));
        r.Add("Slice", a => new Slice(a));
        r.Add("SpaceToDepth", a => new SpaceToDepth(a));
        r.Add("Split", a => new Split(a));
        r.Add("Squeeze", a => new Squeeze(a));
        r.Add("Tile", a => new Tile(a));
        r.Add("TopK", a => new TopK(a));
        r.Add("Transpose", a => new Transpose(a));
        r.Add("Trilu", a => new Trilu(a));
        r.Add("Unique", a => new Unique(a));
        r.Add("Unsqueeze", a => new Unsqueeze(a));
    }
}
