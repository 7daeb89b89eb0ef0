using Engine.Formats.Data;
using Engine.Tensors;

namespace Engine.EndToEnd;

/// <summary>A folder of its own for a test, with a small model: y[2, N] = (x[N, 3] · w[3, 2])ᵀ, w = [[1, 2], [3, 4], [5, 6]].</summary>
public sealed class WorkFolder : IDisposable
{
    public const string Model = "CAcSB2ZpeHR1cmU6nAEKGgoBeAoBdxIBbRoHcHJvamVjdCIGTWF0TXVsCiYKAW0SAXkaBHR1cm4iCVRyYW5zcG9zZSoNCgRwZXJtQAFAAKABBxIFc21hbGwqIwgDCAIQAUIBd0oYAACAPwAAAEAAAEBAAACAQAAAoEAAAMBAWhQKAXgSDwoNCAESCQoDEgFOCgIIA2IUCgF5Eg8KDQgBEgkKAggCCgMSAU5CBAoAEA0=";

    /// <summary>The same with w[2, 1] = 15.</summary>
    public const string Other = "CAcSB2ZpeHR1cmU6nAEKGgoBeAoBdxIBbRoHcHJvamVjdCIGTWF0TXVsCiYKAW0SAXkaBHR1cm4iCVRyYW5zcG9zZSoNCgRwZXJtQAFAAKABBxIFc21hbGwqIwgDCAIQAUIBd0oYAACAPwAAAEAAAEBAAACAQAAAoEAAAHBBWhQKAXgSDwoNCAESCQoDEgFOCgIIA2IUCgF5Eg8KDQgBEgkKAggCCgMSAU5CBAoAEA0=";

    /// <summary>One node 'odd' of an operator that does not exist.</summary>
    public const string Unknown = "CAc6QgobCgF4EgF5GgNvZGQiDk5vU3VjaE9wZXJhdG9yEgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==";

    /// <summary>y = exp(log(−x)), x[2, 8], nodes 'flip', 'bad' and 'after': NaN where x is positive.</summary>
    public const string NotFinite = "CAgSB2ZpeHR1cmU6aAoRCgF4EgFhGgRmbGlwIgNOZWcKEAoBYRIBYhoDYmFkIgNMb2cKEgoBYhIBeRoFYWZ0ZXIiA0V4cBIDbmFuWhMKAXgSDgoMCAESCAoCCAIKAggIYhMKAXkSDgoMCAESCAoCCAIKAggIQgIQEQ==";

    /// <summary>x = [[1, 0, 2]] and y = [[11], [14]] as TensorProto.</summary>
    public const string Input = "CAEIAxABSgwAAIA/AAAAAAAAAEA=", Output = "CAIIARABSggAADBBAABgQQ==";

    public WorkFolder()
    {
        Write("m.onnx", Model);
        Write("other.onnx", Other);
        Write("unknown.onnx", Unknown);
        Write("nan.onnx", NotFinite);
        Write("case/model.onnx", Model);
        Write("case/test_data_set_0/input_0.pb", Input);
        Write("case/test_data_set_0/output_0.pb", Output);
        NpyFile.Write(At("x.npy"), Tensor.From(new Shape(1, 3), new float[] { 1, 0, 2 }));
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("engine-").FullName;

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public void Write(string name, string base64)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(At(name))!);
        File.WriteAllBytes(At(name), Convert.FromBase64String(base64));
    }

    public void Dispose() => Directory.Delete(Path, true);
}
