using Engine.Cpu;
using Engine.Formats.EngineFiles;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests.Formats.EngineFiles;

/// <summary>Files hold layouts by name: the bytes under a name are the same on every machine, and stay what they are; a changed layout is a new version.</summary>
public class PackedLayoutTests
{
    // Model, number of the constant and layout: CRC-32C of the bytes.
    private static readonly Dictionary<string, uint> s_known = new()
    {
        ["codes 0: gemm-f32 v1 96x40 strides 1,96"] = 0x6f8ab763,
        ["codes 0: lowbit v1 40x96 bits 2 block 32 group 1 scales F32 zero 2"] = 0xf3b3a7df,
        ["codes 1: gemm-f32 v1 96x40 strides 1,96"] = 0x7d22e303,
        ["codes 1: lowbit v1 40x96 bits 3 block 32 group 1 scales F32 zero 4"] = 0xd1025c32,
        ["codes 2: gemm-f32 v1 96x40 strides 1,96"] = 0xf011d84c,
        ["codes 2: lowbit v1 40x96 bits 4 block 32 group 1 scales F32 zero 8"] = 0xcfe172dd,
        ["codes 3: gemm-f32 v1 96x40 strides 1,96"] = 0x8fe86c1f,
        ["codes 3: lowbit v1 40x96 bits 8 block 32 group 1 scales F32 zero 128"] = 0x641cf5b5,
        ["convolutions 0: conv-blocked v1 20x3 groups 1 window 1x3x3"] = 0x17437c2c,
        ["convolutions 0: conv-blocked-first v1 20x3 groups 1 window 1x3x3"] = 0xa71d5378,
        ["convolutions 10: bias v1 padded to 32"] = 0xc9def197,
        ["convolutions 11: conv-1d-f32 v1 40x1 groups 1 window 1x1x32"] = 0x3d483477,
        ["convolutions 1: bias v1 padded to 32"] = 0x5b143d13,
        ["convolutions 2: conv-blocked v1 40x20 groups 1 window 1x3x3"] = 0x294fd9b7,
        ["convolutions 2: conv-winograd v1 40x20 groups 1 window 1x3x3"] = 0x6595ad30,
        ["convolutions 3: bias v1 padded to 64"] = 0x2c184d05,
        ["convolutions 4: conv-depthwise-blocked v1 40x40 groups 40 window 1x3x3"] = 0xf3c11983,
        ["convolutions 5: bias v1 padded to 48"] = 0xd960ba53,
        ["convolutions 6: conv-blocked v1 33x40 groups 1 window 1x1x1"] = 0x2cc58e17,
        ["convolutions 7: bias v1 padded to 64"] = 0x1c8ed425,
        ["convolutions 8: blocked v1 1x5x324 by 16"] = 0x670c7318,
        ["convolutions 9: conv-blocked v1 16x38 groups 1 window 1x1x1"] = 0x86a71452,
        ["grids 0: conv-blocked v1 24x8 groups 1 window 1x3x3"] = 0x5d401e80,
        ["grids 0: conv-blocked-first v1 24x8 groups 1 window 1x3x3"] = 0xba89c85a,
        ["grids 0: conv-u8s8 v1 24x8 groups 1 window 1x3x3 dilation 1"] = 0x41879104,
        ["grids 1: bias v1 padded to 32"] = 0x5c589736,
        ["grids 2: conv-depthwise-blocked v1 24x24 groups 24 window 1x3x3"] = 0x346fcd3f,
        ["grids 2: conv-depthwise-u8s8 v1 24x24 groups 24 window 1x3x3"] = 0xf47f92ca,
        ["grids 3: gemm-f32 v1 1176x30 strides 30,1"] = 0x9f438e89,
        ["grids 3: gemm-u8s8 v1 codes 1176x30 strides 30,1"] = 0x43b24dff,
        ["grids 3: lowbit v1 transposed 30x1176 bits 8 block 32 group 37 scales Row zero 128"] = 0xee20aefd,
        ["products 0: gemm-f32 v1 50x70 strides 70,1"] = 0x706c7bc6,
        ["products 1: gemm-f32 v1 20x30 strides 30,1 of 3 every 600"] = 0xeb91b56b,
        ["products 2: gemm-bf16 v1 33x40 strides 40,1 at 0"] = 0xaedbaa39,
        ["recurrent 0: gemm-f32 v1 recurrent 2x10 rows 0+80 of 80"] = 0xc072dd45,
        ["recurrent 1: gemm-f32 v1 recurrent 2x20 rows 0+80 of 80"] = 0x182a7120,
        ["recurrent 1: recurrent-f32 v1 2x4x20x20"] = 0xb2044f59,
        ["recurrent 3: gemm-f32 v1 recurrent 2x10 rows 0+60 of 60"] = 0x2dc33e7d,
        ["recurrent 4: gemm-f32 v1 recurrent 2x20 rows 0+60 of 60"] = 0xf89e1601,
        ["recurrent 4: recurrent-f32 v1 2x3x20x20"] = 0xdad12862,
    };

    [Fact]
    public void A_layout_has_the_bytes_that_its_version_had()
    {
        var actual = new SortedDictionary<string, uint>(StringComparer.Ordinal);
        foreach (var (model, make) in PackedSeeds.Models)
        {
            var definition = make();
            var packed = Layouts(definition);
            var constants = definition.Graph.Constants.Select(v => v.Constant!).ToList();
            foreach (var p in packed)
                // How other forms are decoded is not the layout's.
                if (p.Weight is Dense or Quantized && constants.IndexOf(p.Weight) is >= 0 and var i) actual[$"{model} {i}: {p.Layout}"] = Crc32C.Of(p.Values.Bytes);
        }
        Assert.Equal(s_known.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"[\"{p.Key}\"] = 0x{p.Value:x8},"), actual.Select(p => $"[\"{p.Key}\"] = 0x{p.Value:x8},"));
    }

    /// <summary>What every candidate of every node packs, the ones that no plan chooses too.</summary>
    private static List<PackedWeight> Layouts(ModelDefinition definition)
    {
        var graph = definition.Graph;
        var inputs = PackedSeeds.Inputs(definition);
        Rewriter.Run(graph, new RewriteContext(new NodeEvaluator(CpuKernels.Standard)), 2);
        var types = graph.Inputs.ToDictionary(v => v, v => ((Tensor)inputs[v.Name]).Type);
        new Interpreter(CpuKernels.Standard) { Observe = (v, t) => types[v] = ((Tensor)t).Type }.Run(graph, [.. graph.Inputs.Select(v => inputs[v.Name])]);
        var packed = new PackedWeights();
        foreach (var n in graph.Nodes)
        {
            TensorType? Type(Value? v) => v is null ? null : v.Constant is { } w ? new TensorType(w.DType, w.Shape) : types[v];
            var node = new NodeTypes(n, [.. n.Inputs.Select(Type)], [.. n.Outputs.Select(Type)], [.. n.Inputs.Select(v => v?.ConstantTensor)], [.. n.Inputs.Select(v => v?.Constant)])
            {
                InputQuantization = [.. n.Inputs.Select(v => v?.Quantization)],
                OutputQuantization = [.. n.Outputs.Select(v => v?.Quantization)],
            };
            foreach (var c in CpuKernels.Standard.Candidates(node))
                try
                {
                    Binder.Bind(c, node, packed);
                }
                catch (UnsupportedException)
                {
                    // Not every candidate binds for every element type.
                }
        }
        return [.. packed.Layouts];
    }
}
