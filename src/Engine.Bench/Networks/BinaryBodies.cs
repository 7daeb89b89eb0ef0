namespace Engine.Bench;

/// <summary>
/// Shapes of known binary networks: with signs, and the same convolutions in f32 or 8 bits with Relu where the signs were. The first layer, the last one and 1 × 1 convolutions are float, as in the papers.
/// </summary>
internal static class BinaryBodies
{
    /// <summary>Bi-Real Net 18 (Liu et al. 2018): ResNet-18 with a shortcut around every 3 × 3 convolution; where a stage begins it is halved by averages and widened by a 1 × 1 convolution.</summary>
    public static OnnxBuilder BiRealNet18(string name, LayerForm form, int size = 224)
    {
        var n = new ConvLayers(name, form);
        bool signs = form == LayerForm.Signs;
        string x = n.MaxPool(n.Conv(n.Picture(size), 3, 64, 7, 2, activation: signs ? null : "Relu"), 3, 2, 1);
        int channels = 64;
        for (int layer = 0; layer < 16; layer++)
        {
            int wide = 64 << layer / 4, stride = wide == channels ? 1 : 2;
            string y = n.Binary(x, channels, wide, stride), identity = stride == 1 ? x : n.Conv(n.Halved(x), channels, wide, 1, activation: null);
            (x, channels) = (n.Sum(y, identity, relu: !signs), wide);
        }
        return n.Classifier(x, channels);
    }

    /// <summary>VGG-small for pictures of 32 × 32 and 10 classes: 128, 128, 256, 256, 512 and 512 channels, halved after every second layer.</summary>
    public static OnnxBuilder VggSmall(string name, LayerForm form, int size = 32)
    {
        var n = new ConvLayers(name, form);
        string x = n.Conv(n.Picture(size), 3, 128, 3, activation: form == LayerForm.Signs ? null : "Relu");
        x = n.Binary(x, 128, 128, pool: true, summed: false);
        x = n.Binary(x, 128, 256, summed: false);
        x = n.Binary(x, 256, 256, pool: true, summed: false);
        x = n.Binary(x, 256, 512, summed: false);
        x = n.Binary(x, 512, 512, pool: true, summed: false);
        return n.Product(x, 512 * (size / 8) * (size / 8), 10);
    }

    /// <summary>
    /// QuickNet (Bannink et al. 2021): a stem of 3 × 3, depthwise 3 × 3 and 1 × 1, four stages of four 3 × 3 convolutions each with a shortcut, and between stages Relu, the largest of 2 × 2, a blur with stride 2 and 1 × 1.
    /// Padding is 0; the published network pads signs with +1.
    /// </summary>
    public static OnnxBuilder QuickNet(string name, LayerForm form, int size = 224)
    {
        var n = new ConvLayers(name, form);
        string x = n.Conv(n.Conv(n.Conv(n.Picture(size), 3, 16, 3, 2), 16, 16, 3, 2, group: 16, activation: null), 16, 64, 1, activation: null);
        for (int stage = 0; stage < 4; stage++)
        {
            int channels = 64 << stage;
            if (stage > 0) x = n.Conv(n.Blur(n.MaxPool(n.Relu(x), 2, 1, 0), channels / 2), channels / 2, channels, 1, activation: null);
            for (int layer = 0; layer < 4; layer++) x = n.Sum(n.Binary(x, channels, channels, relu: true), x, relu: false);
        }
        return n.Classifier(n.Relu(x), 512);
    }
}
