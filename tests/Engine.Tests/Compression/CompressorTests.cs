using Engine.Compression;
using Engine.Cpu;
using Engine.Formats.EngineFiles;
using Engine.Formats.Onnx;
using Engine.Graph;
using Engine.Graph.Operators;
using Engine.Kernels;
using Engine.Tensors;
using static Engine.Tests.Compression.CompressionJobs;

namespace Engine.Tests.Compression;

/// <summary>Whole models: what comes out runs, is small, is close, and is the same every time.</summary>
public sealed class CompressorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("engine-").FullName;

    public void Dispose() => Directory.Delete(_folder, true);

    [Theory]
    [InlineData("fashion-cnn", "int8", 0.995, 3.5)]
    [InlineData("fashion-cnn", "w8", 0.9999, 3.7)]
    [InlineData("fashion-cnn", "int4", 0.99, 5)]
    [InlineData("fashion-cnn", "int4-channel", 0.97, 5)]
    [InlineData("fashion-cnn", "low-rank:60%", 0.9, 1.3)]
    [InlineData("fashion-cnn", "spatial:60%+int4", 0.7, 4)]
    [InlineData("fashion-cnn", "tucker:50%+int8", 0.75, 3.5)]
    [InlineData("fashion-mlp", "low-rank:60%", 0.85, 1.3)]
    [InlineData("fashion-mlp", "low-rank:50%+int8", 0.8, 5)]
    [InlineData("fashion-transformer", "low-rank:break-even+w8", 0.8, 2)]
    [InlineData("fashion-mlp", "int8", 0.995, 3.5)]
    [InlineData("fashion-mlp", "int4-asym", 0.99, 3.9)]
    [InlineData("fashion-mlp", "int3", 0.95, 4)]
    [InlineData("fashion-transformer", "int4", 0.97, 2)]
    [InlineData("fashion-gru", "w8", 0.999, 2)]
    [InlineData("fashion-cnn", "2:4", 0.97, 1)]
    [InlineData("fashion-cnn", "2:4+int8", 0.97, 3.5)]
    [InlineData("fashion-cnn", "4:8+int4", 0.97, 5)]
    [InlineData("fashion-cnn", "low-rank:75%+2:4+int8", 0.7, 3.5)]
    [InlineData("fashion-mlp", "2:4+int8", 0.95, 3.5)]
    [InlineData("fashion-mlp", "sparse:0.6", 0.95, 1)]
    [InlineData("fashion-transformer", "2:4+w8", 0.9, 2)]
    public void Written_models_are_close_small_and_run_alike_planned_or_not(string model, string scheme, double cosine, double ratio)
    {
        var data = Samples(model);
        var r = Compress(model, new CompressionOptions { Scheme = Scheme.Parse(scheme), SparseForms = false });
        byte[] bytes = Bytes(r);
        var exact = Run(File.ReadAllBytes(ModelPath(model)), data, 2);
        Tensor plain = Run(bytes, data, 0), planned = Run(bytes, data, 2);
        Assert.InRange(OutputError.Of([(exact.Span<float>().ToArray(), plain.Span<float>().ToArray())]).Cosine, cosine, 1);
        Assert.InRange(OutputError.Of([(plain.Span<float>().ToArray(), planned.Span<float>().ToArray())]).RelativeRmse, 0, scheme.EndsWith("int8", StringComparison.Ordinal) ? GemmU8S8.Table.Tier == "scalar" ? 0.05 : 0.02 : 1e-5);
        Assert.InRange((double)r.BytesBefore / r.BytesAfter, ratio, 40);
        Assert.All(r.Layers, l => Assert.InRange(l.Error.RelativeRmse, 0, 0.5));
        Assert.Equal(r.Drop!.Error.Cosine, OutputError.Of([(exact.Span<float>().ToArray(), plain.Span<float>().ToArray())]).Cosine, 3);
    }

    [Theory]
    [InlineData("fashion-cnn", "2:4", "Sparse(2:4")]
    [InlineData("fashion-cnn", "2:4+int8", "Sparse(2:4 by channel, Quantized(8, channel))")]
    [InlineData("fashion-cnn", "4:8+int4", "Sparse(4:8 by channel, Quantized(4, g16))")]
    [InlineData("fashion-mlp", "2:4+int8", "Sparse(2:4, Quantized(8, channel))")]
    [InlineData("fashion-mlp", "2:4+int4", "Sparse(2:4, Quantized(4, g16))")]
    [InlineData("fashion-mlp", "sparse:0.8", "Sparse(CSR")]
    [InlineData("fashion-mlp", "sparse:0.8x8x4", "Sparse(8x4")]
    [InlineData("fashion-mlp", "sparse:0.8+int8", "Scaled(Sparse(CSR, Quantized(8, tensor)), row)")]
    [InlineData("fashion-mlp", "sparse:0.8x8x4+int8", "Scaled(Sparse(8x4, Quantized(8, tensor)), row)")]
    [InlineData("fashion-cnn", "sparse:0.8+int8", "Scaled(Sparse(CSR, Quantized(8, tensor)), row)")]
    [InlineData("fashion-transformer", "sparse:0.8+w8", "Scaled(Sparse(CSR, Quantized(8, tensor)), row)")]
    [InlineData("fashion-mlp", "low-rank:50%+2:4+int8", "Sparse(2:4, Quantized(8, channel))")]
    [InlineData("fashion-transformer", "2:4+int8", "Sparse(2:4, Quantized(8, channel))")]
    public void Sparse_forms_in_engine_files_are_the_masked_weights(string model, string scheme, string form)
    {
        var data = Samples(model);
        var options = new CompressionOptions { Scheme = Scheme.Parse(scheme) };
        CompressionResult sparse = Compress(model, options), whole = Compress(model, options with { SparseForms = false });
        Assert.Contains(form, string.Join('\n', sparse.Model.Graph.Constants.Select(c => c.Constant!.Describe())), StringComparison.Ordinal);
        Assert.True(sparse.BytesAfter < whole.BytesAfter);
        Assert.Contains(sparse.Layers, l => l is { Kept: > 0.1 and < 0.6, MaskError: not null });
        byte[] file = EngineBytes(sparse);
        Assert.Equal(file, EngineBytes(Compress(model, options)));
        var wholes = whole.Model.Graph.Nodes.ToDictionary(n => n.Name);
        foreach (var n in sparse.Model.Graph.Nodes)
            foreach (var (mine, other) in n.Inputs.Zip(wholes[n.Name].Inputs))
                if (mine?.Constant is { Shape.Rank: >= 2, DType: DType.F32 } w && other!.Constant is { } o)
                    // Products have rows first.
                    Assert.Equal((o.Shape == w.Shape && !(n.Op is FusedMatMul && wholes[n.Name].Op is MatMul) ? o.ToF32() : o.ToF32().Transposed()).Span<float>().ToArray(), w.ToF32().Span<float>().ToArray());
        Tensor a = Run(file, data, 0), b = Run(EngineBytes(whole), data, 0);
        Assert.InRange(OutputError.Of([(b.Span<float>().ToArray(), a.Span<float>().ToArray())]).RelativeRmse, 0, 1e-5);
        Assert.InRange(OutputError.Of([(a.Span<float>().ToArray(), Run(file, data, 2).Span<float>().ToArray())]).RelativeRmse, 0, scheme.EndsWith("int8", StringComparison.Ordinal) ? GemmU8S8.Table.Tier == "scalar" ? 0.05 : 0.02 : 1e-5);
        if (!scheme.EndsWith("int8", StringComparison.Ordinal) || model == "fashion-transformer" || GemmNmU8S8.Table.Tier == "scalar") return;
        // Integer sums: gathered or not.
        Assert.Equal(Run(EngineBytes(whole), data, 2).Bytes.ToArray(), Run(file, data, 2).Bytes.ToArray());
        using var m = Model.Load(file);
        // Zeros anywhere are too few here to be left out.
        string[] stems = scheme.Contains("x8x4", StringComparison.Ordinal) ? ["gemm-blocks-u8s8", "spmm-u8s8"] : scheme.StartsWith("sparse", StringComparison.Ordinal) ? ["conv-u8s8", "gemm-u8s8"] : ["gemm-nm-u8s8", "conv-nm-u8s8"];
        Assert.Contains(m.Plan(data.Inputs[0]).Steps, t => stems.Contains(t.Stem));
    }

    [Fact]
    public void Zeros_are_chosen_for_what_they_cost()
    {
        IReadOnlyList<LayerReport> Layers(RoundingMethod method) => Compress("fashion-cnn", new CompressionOptions { Scheme = Scheme.Parse("2:4"), Method = method }).Layers;
        foreach (var (hessian, magnitude) in Layers(RoundingMethod.Gptq).Zip(Layers(RoundingMethod.Nearest)))
        {
            Assert.Equal(magnitude.Scheme, hessian.Scheme);
            // Few samples say little about many columns, where magnitude may stay.
            Assert.True(hessian.Error.Noise <= magnitude.Error.Noise);
            if (hessian is { MaskError: not null, Kind: LayerKind.Conv }) Assert.True(hessian.Error.Noise < 0.6 * magnitude.Error.Noise, $"{hessian.Name}: {hessian.Error} against {magnitude.Error}");
        }
    }

    [Fact]
    public void The_record_says_what_the_bytes_depend_on()
    {
        static string Record(CompressionOptions o) => Compress("fashion-mlp", o).Model.Metadata[CompressionRecord.Key];
        var plain = new CompressionOptions { Scheme = Scheme.Parse("2:4+int4"), Method = RoundingMethod.Nearest };
        string record = Record(plain);
        Assert.Equal(record, Record(plain));
        CompressionOptions[] others =
        [
            plain with { Gptq = new(ActOrder: false) }, plain with { Gptq = new(Dampening: 0.1) }, plain with { Method = RoundingMethod.Gptq }, plain with { BiasCorrection = false }, plain with { DynamicActivations = true },
            plain with { SparseForms = false }, plain with { Budget = new Budget(BudgetKind.Weights, 1) }, plain with { MaxDrop = 1 }, plain with { Seed = 1 }, plain with { Scheme = Scheme.Parse("2:4") }, plain with { Prune = 0.5 },
        ];
        Assert.Equal(others.Length + 1, others.Select(Record).Append(record).Distinct().Count());
        Assert.Contains("\"act_order\":true", record, StringComparison.Ordinal);
        Assert.Contains("\"dampening\":0.01", record, StringComparison.Ordinal);
        Assert.Contains("\"bias_correction\":true", record, StringComparison.Ordinal);
        Assert.DoesNotContain("\"target\"", record, StringComparison.Ordinal);
        Assert.Contains("\"target\":{\"kind\":\"Weights\",\"limit\":1}", Record(plain with { Budget = new Budget(BudgetKind.Weights, 1) }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nf4")]
    [InlineData("mxfp4")]
    [InlineData("sign")]
    public void Tables_run_but_have_no_form_in_onnx(string scheme)
    {
        var data = Samples("fashion-mlp");
        var r = Compress("fashion-mlp", new CompressionOptions { Scheme = Scheme.Parse(scheme) });
        Assert.Contains(".engine", Assert.Throws<UnsupportedException>(() => Bytes(r)).Message, StringComparison.Ordinal);
        var exact = Run(File.ReadAllBytes(ModelPath("fashion-mlp")), data, 2);
        using var m = Model.Create(r.Model);
        using var session = m.CreateSession();
        var y = (Tensor)session.Run(data.Inputs[0])[m.Outputs[0].Name];
        Assert.InRange(OutputError.Of([(exact.Span<float>().ToArray(), y.Span<float>().ToArray())]).Cosine, scheme == "sign" ? 0.8 : 0.98, 1);
    }

    [Fact]
    public void Int8_needs_samples_and_says_so() =>
        Assert.Contains("calibration", Assert.Throws<InputException>(() => Compress("fashion-cnn", new CompressionOptions(), CalibrationData.None)).Message, StringComparison.Ordinal);

    [Fact]
    public void Weights_alone_need_no_samples()
    {
        var r = Compress("fashion-cnn", new CompressionOptions { Scheme = Scheme.Parse("int4") }, CalibrationData.None);
        Assert.Null(r.Drop);
        Assert.All(r.Layers, l => Assert.InRange(l.Error.RelativeRmse, 1e-4, 0.2));
    }

    [Fact]
    public void Compensation_is_better_on_the_layers_of_a_trained_network()
    {
        IReadOnlyList<LayerReport> Layers(RoundingMethod method) => Compress("fashion-cnn", new CompressionOptions { Scheme = Scheme.Parse("int3-channel"), Method = method }).Layers;
        var (compensated, nearest) = (Layers(RoundingMethod.Gptq), Layers(RoundingMethod.Nearest));
        Assert.All(compensated.Zip(nearest).Where(l => l.First.Scheme.Bits == 3), l => Assert.True(l.First.Error.Noise < 0.8 * l.Second.Error.Noise, $"{l.First.Name}: {l.First.Error} against {l.Second.Error}"));
        Assert.All(compensated.Zip(nearest), l => Assert.True(l.First.Error.Noise <= l.Second.Error.Noise));
    }

    [Fact]
    public void A_policy_of_8_bits_everywhere_is_the_int8_model()
    {
        var all = Compress("fashion-cnn", new CompressionOptions { Scheme = Scheme.Int8 });
        var named = Compress("fashion-cnn", new CompressionOptions { Scheme = Scheme.Parse("int4"), Policy = new Policy { Layers = [("*", Scheme.Int8)] } });
        Assert.Equal(Bytes(all), Bytes(named));
    }

    [Fact]
    public void Mixed_schemes_run()
    {
        var data = Samples("fashion-cnn");
        var layers = Compress("fashion-cnn", new CompressionOptions()).Layers;
        var r = Compress("fashion-cnn", new CompressionOptions { Policy = new Policy { Layers = [(layers[1].Name, Scheme.Float), (layers[2].Name, Scheme.Parse("int4")), ("*", Scheme.Int8)] } });
        Assert.Equal(["int8", "float", "int4", "int8", "int8"], r.Layers.Select(l => l.Scheme.ToString()));
        byte[] bytes = Bytes(r);
        var exact = Run(File.ReadAllBytes(ModelPath("fashion-cnn")), data, 2);
        Assert.InRange(OutputError.Of([(exact.Span<float>().ToArray(), Run(bytes, data, 2).Span<float>().ToArray())]).Cosine, 0.99, 1);
    }

    [Theory]
    [InlineData("int4")]
    [InlineData("2:4")]
    [InlineData("2:4+int4")]
    public void The_same_job_gives_the_same_bytes_interrupted_or_not(string scheme)
    {
        var options = new CompressionOptions { Scheme = Scheme.Parse(scheme), SparseForms = false };
        byte[] whole = Bytes(Compress("fashion-cnn", options));
        Assert.Equal(whole, Bytes(Compress("fashion-cnn", options)));

        string work = Path.Combine(_folder, "work");
        int steps = 0;
        var stopped = options with { WorkFolder = work, Progress = s => { if (s.EndsWith(scheme, StringComparison.Ordinal) && ++steps == 3) throw new OperationCanceledException(); } };
        Assert.Throws<OperationCanceledException>(() => Compress("fashion-cnn", stopped));
        string[] files = Directory.GetFiles(work, "*.layer");
        // The first layer stays a float one where others are, which takes no work.
        Assert.Equal(scheme == "2:4" ? 2 : 3, files.Length);
        // One of them is damaged: it is computed again.
        byte[] damaged = File.ReadAllBytes(files[0]);
        damaged[damaged.Length / 2] ^= 1;
        File.WriteAllBytes(files[0], damaged);
        var resumed = Compress("fashion-cnn", options with { WorkFolder = work, Resume = true });
        Assert.Equal(files.Length - 1, resumed.Reused);
        Assert.Equal(whole, Bytes(resumed));
        resumed.Finish();
        Assert.False(Directory.Exists(work));
    }

    [Fact]
    public void Another_job_takes_nothing_from_a_work_folder()
    {
        var options = new CompressionOptions { Scheme = Scheme.Parse("int4"), WorkFolder = Path.Combine(_folder, "work"), Resume = true };
        Compress("fashion-mlp", options);
        Assert.Equal(0, Compress("fashion-mlp", options with { Seed = 7 }).Reused);
        Assert.NotEqual(0, Compress("fashion-mlp", options with { Seed = 7 }).Reused);
        Assert.Equal(0, Compress("fashion-mlp", options with { Seed = 7, Resume = false }).Reused);
    }

    [Fact]
    public void A_folder_of_somebody_else_is_not_removed()
    {
        string work = Path.Combine(_folder, "work");
        Directory.CreateDirectory(work);
        File.WriteAllText(Path.Combine(work, "diary.txt"), "dear");
        Assert.Contains("no work folder", Assert.Throws<FileWriteException>(() => Compress("fashion-mlp", new CompressionOptions { Scheme = Scheme.W8, WorkFolder = work })).Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(work, "diary.txt")));
    }

    [Fact]
    public void Tables_come_back_and_their_hash_is_of_the_content()
    {
        LatencyKey a = new("Conv", "x w", "int4", 1), b = new("Conv", "x w", "float", 2);
        LatencyTable one = new("m"), other = new("m");
        one.Set(a, 10, "k");
        one.Set(b, 20, "k2");
        other.Set(b, 20, "k2");
        other.Set(a, 10, "k");
        Assert.Equal(one.Sha256(), other.Sha256());
        string path = Path.Combine(_folder, "sub", "t.json");
        one.Write(path);
        var read = LatencyTable.Read(path);
        Assert.Equal((one.Sha256(), 10L, "k2"), (read.Sha256(), read.Find(a), read.Kernel(b)));
        Assert.Null(read.Find(a with { Threads = 3 }));
        foreach (string bad in (string[])["", "{}", "{\"schema_version\": 9}", "{\"schema_version\": 1, \"machine\": \"m\", \"entries\": [{\"operator\": \"o\", \"shapes\": \"s\", \"form\": \"f\", \"threads\": 1, \"kernel\": \"k\", \"ns\": -1}]}"])
        {
            File.WriteAllText(path, bad);
            Assert.Throws<DataFormatException>(() => LatencyTable.Read(path));
        }
    }
}
