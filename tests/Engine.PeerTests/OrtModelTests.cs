using Engine.Peers;
using Engine.Tensors;

namespace Engine.PeerTests;

/// <summary>The binding of ONNX Runtime itself.</summary>
public sealed class OrtModelTests
{
    [PeerFact]
    public void Is_the_version_that_tables_name() => Assert.Equal("1.30.0", OnnxRuntime.Version);

    [PeerFact]
    public void Describes_inputs_and_outputs()
    {
        using var model = OrtModel.Load(Repository.Model("ecg-lstm/model.onnx"));
        Assert.Equal(["x", "h", "c"], model.Inputs.Select(i => i.Name));
        Assert.Equal(["forecast", "hn", "cn"], model.Outputs.Select(o => o.Name));
        Assert.All(model.Inputs, i => Assert.Equal(DType.F32, i.DType));
        Assert.Equal([1, -1, 32], model.Inputs[1].Dims);
    }

    [PeerFact]
    public void Says_what_is_wrong_with_a_file_and_with_an_input()
    {
        Assert.Contains("Protobuf", Assert.Throws<OrtException>(() => OrtModel.Load(Repository.Model("README.md"))).Message, StringComparison.Ordinal);
        using var model = OrtModel.Load(Repository.Model("fashion-mlp/model.onnx"));
        Assert.Throws<OrtException>(() => model.Run([]));
        Assert.Contains("784", Assert.Throws<OrtException>(() => model.Run(Tensor.Allocate(DType.F32, new Shape(1, 783)))).Message, StringComparison.Ordinal);
    }

    [PeerFact]
    public void Takes_processors_for_its_threads()
    {
        string path = Repository.Model("fashion-mlp/model.onnx");
        OrtModel.Load(path, threads: 2, affinity: [Kernels.ThreadAffinity.Allowed()[0]]).Dispose();
        // The option reaches the library: it counts processors from 1 and refuses 0.
        Assert.Throws<OrtException>(() => OrtModel.Load(path, threads: 2, affinity: [-1]));
    }

    [PeerFact]
    public void A_bound_run_writes_the_same_memory()
    {
        string folder = Repository.Model("fashion-mlp/test_data_set_0");
        using var model = OrtModel.Load(Repository.Model("fashion-mlp/model.onnx"));
        var x = (Tensor)Formats.Onnx.OnnxTensorFile.Read(Path.Combine(folder, "input_0.pb"));
        using var run = model.Bind([x]);
        run.Outputs[0].Bytes.Clear();
        run.Run();
        Assert.Null(ValueComparer.Compare((Tensor)Formats.Onnx.OnnxTensorFile.Read(Path.Combine(folder, "output_0.pb")), run.Outputs[0], 1e-5, 1e-5));
        x.Bytes.Clear();
        float[] before = run.Outputs[0].Span<float>().ToArray();
        run.Run();
        Assert.NotEqual(before, run.Outputs[0].Span<float>().ToArray());
        run.Dispose();
        Assert.Throws<ObjectDisposedException>(run.Run);
    }

    [PeerFact]
    public void Gives_the_stored_outputs()
    {
        string folder = Repository.Model("fashion-mlp/test_data_set_0");
        using var model = OrtModel.Load(Repository.Model("fashion-mlp/model.onnx"), threads: 2, optimize: false);
        var expected = (Tensor)Formats.Onnx.OnnxTensorFile.Read(Path.Combine(folder, "output_0.pb"));
        var actual = model.Run((Tensor)Formats.Onnx.OnnxTensorFile.Read(Path.Combine(folder, "input_0.pb")));
        Assert.Null(ValueComparer.Compare(expected, Assert.Single(actual), 1e-5, 1e-5));
    }
}
