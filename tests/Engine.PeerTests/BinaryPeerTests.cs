using Engine.Peers;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>Our trained binary networks on pictures of Fashion-MNIST, beside ONNX Runtime, which runs them as floats: the same classes, and logits as near as those of float networks.</summary>
public sealed class BinaryPeerTests
{
    private const int Batch = 100, Pictures = 500;

    // A sign flips where what it is taken of is 0 up to rounding (the stem, shortcuts), and moves all behind it: of so many pictures at most.
    private const int Moved = 5;
    private const float Tolerance = 1e-4f;

    [PeerTheory(FashionMnist.Images)]
    [InlineData("fashion-bnn-vgg")]
    [InlineData("fashion-bnn-vgg-mst")]
    [InlineData("fashion-bnn-vgg-mst-signed")]
    [InlineData("fashion-bnn-vgg-slim")]
    [InlineData("fashion-bnn-resnet")]
    public void Trained_networks_agree(string name)
    {
        float[] images = FashionMnist.ReadImages();
        string path = Repository.Model($"{name}/model.onnx");
        using var ours = Model.Load(path);
        using var session = ours.CreateSession(new SessionOptions { Threads = 2 });
        using var theirs = OrtModel.Load(path, threads: 2);
        int moved = 0;
        for (int at = 0; at < Pictures; at += Batch)
        {
            var x = Tensor.From<float>(new Shape(Batch, 1, 28, 28), images.AsSpan(at * FashionMnist.Pixels, Batch * FashionMnist.Pixels));
            var actual = (Tensor)session.Run(new Dictionary<string, RuntimeValue> { ["x"] = x }).Values.Single();
            using var run = theirs.Bind([x]);
            run.Run();
            var expected = run.Outputs.Single();
            int classes = expected.Shape.Int(1);
            for (int i = 0; i < Batch; i++)
            {
                ReadOnlySpan<float> a = actual.Span<float>().Slice(i * classes, classes), e = expected.Span<float>().Slice(i * classes, classes);
                float largest = 0, difference = 0;
                for (int c = 0; c < classes; c++) (largest, difference) = (Math.Max(largest, Math.Abs(e[c])), Math.Max(difference, Math.Abs(e[c] - a[c])));
                if (difference > Tolerance * largest) moved++;
                else Assert.Equal(FashionClassifier.Best(expected, i), FashionClassifier.Best(actual, i));
            }
        }
        Assert.InRange(moved, 0, Moved);
    }
}
