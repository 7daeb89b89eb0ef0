using Engine.Cpu;
using Engine.Graph;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Tests;

public class ArenaPlannerTests
{
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4)]
    public void Buffers_alive_together_never_overlap(int seed)
    {
        var random = new Random(seed);
        for (int round = 0; round < 200; round++)
        {
            var buffers = Enumerable.Range(0, random.Next(1, 60)).Select(_ =>
            {
                int first = random.Next(50);
                return new Lifetime(random.Next(5) == 0 ? 0 : random.Next(1, 10000), first, first + random.Next(8));
            }).ToArray();
            var layout = ArenaPlanner.Plan(buffers);
            AssertNoOverlap([.. buffers.Select((b, i) => (b, layout.Offsets[i]))]);
            Assert.True(layout.PeakBytes >= layout.LowerBound);
            Assert.All(layout.Offsets, o => Assert.Equal(0, o % ArenaPlanner.Alignment));
            Assert.All(buffers.Zip(layout.Offsets), p => Assert.True(p.Second + p.First.Bytes <= layout.PeakBytes));
        }
    }

    // Logical f32 tensors alone: no in-place, no workspaces, row-major.
    [Theory]
    [InlineData("MobileNetV2", 5.742)]
    [InlineData("ResNet50", 6.891)]
    public void Known_networks_reach_the_lower_bound(string network, double mebibytes)
    {
        var plan = Plan(network, new PlanOptions { Level = 1, InPlace = false });
        var tensors = plan.Buffers.Where(b => b.Region == Region.Arena && !b.IsWorkspace).Select(b => new Lifetime(b.Bytes, b.First, b.Last)).ToList();
        var layout = ArenaPlanner.Plan(tensors);
        Assert.Equal(layout.LowerBound, layout.PeakBytes);
        Assert.Equal(mebibytes, layout.PeakBytes / 1048576.0, 3);
    }

    [Theory]
    [InlineData("MobileNetV2"), InlineData("ResNet50")]
    public void The_real_peak_is_the_tensors_plus_workspaces_and_padding(string network)
    {
        var logical = Plan(network, new PlanOptions { Level = 1, InPlace = false });
        var tensors = ArenaPlanner.Plan([.. logical.Buffers.Where(b => b.Region == Region.Arena && !b.IsWorkspace).Select(b => new Lifetime(b.Bytes, b.First, b.Last))]);
        var real = Plan(network, new PlanOptions());
        AssertNoOverlap([.. real.Buffers.Where(b => b.Region == Region.Arena).Select(b => (new Lifetime(b.Bytes, b.First, b.Last), b.Offset))]);
        long padding = real.Buffers.Count * ArenaPlanner.Alignment;
        long converts = real.Steps.Where(s => s.Operator == "Convert").Select(s => s.Outputs[0].Bytes).DefaultIfEmpty(0).Max();
        Assert.True(real.ArenaBytes <= tensors.PeakBytes + real.WorkspaceBytes + converts + padding,
            $"arena {real.ArenaBytes}, tensors {tensors.PeakBytes}, workspace {real.WorkspaceBytes}, conversions {converts}");
    }

    internal static Plan Plan(string network, PlanOptions options)
    {
        var graph = network == "MobileNetV2" ? Networks.MobileNetV2(zeroWeights: true) : Networks.ResNet50(zeroWeights: true);
        var program = new Program(graph, CpuKernels.Standard, new PackedWeights(), options);
        return program.Plan(new Dictionary<Value, RuntimeValue> { [graph.Inputs[0]] = Tensor.Allocate(DType.F32, new Shape(1, 3, 224, 224)) });
    }

    private static void AssertNoOverlap(IReadOnlyList<(Lifetime Life, long Offset)> placed)
    {
        for (int i = 0; i < placed.Count; i++)
            for (int j = 0; j < i; j++)
                if (placed[i].Life.Overlaps(placed[j].Life) && placed[i].Life.Bytes > 0 && placed[j].Life.Bytes > 0)
                    Assert.True(placed[i].Offset + placed[i].Life.Bytes <= placed[j].Offset || placed[j].Offset + placed[j].Life.Bytes <= placed[i].Offset);
    }
}
