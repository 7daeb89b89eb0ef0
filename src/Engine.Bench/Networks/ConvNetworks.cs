namespace Engine.Bench;

/// <summary>Classifiers of convolutions; layers as <see cref="ConvLayers"/> makes them.</summary>
internal static class ConvNetworks
{
    /// <summary>ResNet of basic blocks (18, 34) or bottlenecks (50 and more); <paramref name="blocks"/> a stage.</summary>
    public static OnnxBuilder ResNet(string name, int[] blocks, bool bottleneck, int size = 224, bool zeroWeights = false, bool quantized = false)
    {
        var n = new ConvLayers(name, quantized ? LayerForm.Codes : LayerForm.Numbers, zeroWeights);
        string x = n.MaxPool(n.Conv(n.Picture(size), 3, 64, 7, 2), 3, 2, 1);
        int channels = 64;
        for (int stage = 0; stage < blocks.Length; stage++)
            for (int b = 0; b < blocks[stage]; b++)
            {
                int c = 64 << stage, wide = bottleneck ? 4 * c : c, stride = b == 0 && stage > 0 ? 2 : 1;
                string y = bottleneck
                    ? n.Conv(n.Conv(n.Conv(x, channels, c, 1), c, c, 3, stride), c, wide, 1, activation: null)
                    : n.Conv(n.Conv(x, channels, c, 3, stride), c, c, 3, activation: null);
                string identity = stride != 1 || channels != wide ? n.Conv(x, channels, wide, 1, stride, activation: null) : x;
                x = n.Sum(y, identity, relu: true);
                channels = wide;
            }
        return n.Classifier(x, channels);
    }

    /// <summary>MobileNetV2, width 1.</summary>
    public static OnnxBuilder MobileNetV2(int size = 224, bool zeroWeights = false, bool quantized = false)
    {
        var n = new ConvLayers(quantized ? "mobilenetv2-qdq" : "mobilenetv2", quantized ? LayerForm.Codes : LayerForm.Numbers, zeroWeights);
        string x = n.Conv(n.Picture(size), 3, 32, 3, 2, activation: "Clip");
        int channels = 32;
        foreach (var (expand, width, repeats, stride) in new[] { (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1) })
            for (int i = 0; i < repeats; i++)
            {
                int s = i == 0 ? stride : 1, wide = channels * expand;
                string y = expand == 1 ? x : n.Conv(x, channels, wide, 1, activation: "Clip");
                y = n.Conv(y, wide, wide, 3, s, group: wide, activation: "Clip");
                y = n.Conv(y, wide, width, 1, activation: null);
                x = s == 1 && channels == width ? n.Sum(x, y, relu: false) : y;
                channels = width;
            }
        return n.Classifier(n.Conv(x, channels, 1280, 1, activation: "Clip"), 1280);
    }
}
