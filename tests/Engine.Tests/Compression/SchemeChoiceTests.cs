using Engine.Compression;
using Engine.Graph.Operators;
using static Engine.Tests.Compression.CompressionJobs;

namespace Engine.Tests.Compression;

/// <summary>Which scheme each layer gets, under a budget, a limit of the drop or a latency table.</summary>
public sealed class SchemeChoiceTests
{
    [Theory]
    [InlineData(BudgetKind.Weights)]
    [InlineData(BudgetKind.Multiplications)]
    public void Zeros_go_where_they_cost_least(BudgetKind kind)
    {
        var scheme = Scheme.Int8;
        Scheme[] candidates = [.. ((string[])["1:4", "2:8", "2:4", "4:8"]).Select(s => scheme with { Sparsity = Scheme.Parse(s).Sparsity })];
        CompressionOptions Options(double limit) => new() { Budget = new Budget(kind, limit), Scheme = scheme, Candidates = candidates };
        double last = double.PositiveInfinity;
        foreach (double limit in (double[])[0.45, 0.6, 0.8, 1])
        {
            var r = Compress("fashion-cnn", Options(limit));
            if (kind == BudgetKind.Weights) Assert.InRange(r.Layers.Sum(l => l.Kept * l.BytesBefore) / r.Layers.Sum(l => l.BytesBefore), 0.2, limit);
            double noise = r.Layers.Sum(l => l.Error.Noise);
            Assert.True(noise <= last);
            last = noise;
            if (limit == 1) Assert.All(r.Layers, l => Assert.Equal(scheme, l.Scheme));
            if (limit == 0.6) Assert.True(r.Layers.Select(l => l.Scheme).Distinct().Count() > 1);
        }
        Assert.Contains(kind == BudgetKind.Weights ? "weights" : "multiplications", Assert.Throws<BudgetException>(() => Compress("fashion-cnn", Options(0.1))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(BudgetKind.Size)]
    [InlineData(BudgetKind.Bits)]
    public void Budgets_are_kept_and_more_room_never_makes_the_error_larger(BudgetKind kind)
    {
        double last = double.PositiveInfinity;
        foreach (double limit in kind == BudgetKind.Bits ? [5.2, 6, 7, 9.0] : (double[])[26_500, 30_000, 45_000, 160_000])
        {
            var r = Compress("fashion-cnn", new CompressionOptions { Budget = new Budget(kind, limit), Scheme = Scheme.Parse("int3-channel"), Candidates = [Scheme.Parse("int4"), Scheme.W8, Scheme.Float], Policy = new Policy { First = Scheme.W8, Last = Scheme.W8 } });
            Assert.InRange(kind == BudgetKind.Size ? r.BytesAfter : 8.0 * r.Layers.Sum(l => l.BytesAfter) / r.Layers.Sum(l => l.BytesBefore / 4), 0, limit);
            double noise = r.Layers.Sum(l => l.Error.Noise);
            Assert.True(noise <= last);
            last = noise;
        }
        Assert.Throws<BudgetException>(() => Compress("fashion-cnn", new CompressionOptions { Budget = new Budget(kind, 0.5), Scheme = Scheme.Parse("int4") }));
    }

    [Fact]
    public void A_limit_of_the_drop_gives_layers_more_bits()
    {
        var options = new CompressionOptions { Scheme = Scheme.Parse("int2-channel"), Method = RoundingMethod.Nearest };
        double free = Compress("fashion-transformer", options).Drop!.Error.RelativeRmse;
        var r = Compress("fashion-transformer", options with { MaxDrop = 0, Candidates = [Scheme.Parse("int4"), Scheme.W8] });
        Assert.Equal(0, r.Drop!.Drop);
        Assert.True(r.Drop.Error.RelativeRmse < free);
        Assert.Contains(r.Layers, l => l.Scheme != options.Scheme);
    }

    [Fact]
    public void A_form_that_the_table_calls_slower_gives_way()
    {
        var table = new LatencyTable("a slide rule");
        var r = Compress("fashion-mlp", new CompressionOptions { Scheme = Scheme.Parse("int4"), Latencies = table, Measure = true, NoFallback = true });
        Assert.True(table.Count >= r.Layers.Count * 2);
        Assert.All(r.Layers, l => Assert.True(l.Nanoseconds > 0 && l.DenseNanoseconds > 0));
        foreach (var (form, expected) in new[] { ("int4", "w8"), ("w8", "float") })
        {
            // Whatever was measured: this form is slow now.
            var slow = Slowed(table, form == "int4" ? ["int4"] : ["int4", "w8"]);
            var f = Compress("fashion-mlp", new CompressionOptions { Scheme = Scheme.Parse("int4"), Latencies = slow });
            Assert.Contains(f.Layers, l => l.IsFallback && l.Asked.ToString() == "int4" && l.Scheme.ToString() == expected);
            Assert.Equal(Bytes(f), Bytes(Compress("fashion-mlp", new CompressionOptions { Scheme = Scheme.Parse("int4"), Latencies = slow })));
            Assert.DoesNotContain(Compress("fashion-mlp", new CompressionOptions { Scheme = Scheme.Parse("int4"), Latencies = slow, NoFallback = true }).Layers, l => l.IsFallback);
        }
    }

    [Fact]
    public void A_latency_budget_is_held_by_the_whole_model()
    {
        var table = new LatencyTable("a slide rule");
        const long second = 1_000_000_000;
        var options = new CompressionOptions { Scheme = Scheme.W8, Candidates = [Scheme.Int8, Scheme.Parse("int4"), Scheme.Float], Latencies = table, Measure = true, Budget = new(BudgetKind.Latency, second) };
        var loose = Compress("fashion-mlp", options);
        Assert.All(loose.Layers, l => Assert.True(l.Scheme.IsFloat));
        Assert.Equal(loose.Latency!.Float, loose.Latency.Chosen);
        Assert.InRange(loose.Latency.Chosen!.Value, 1, second);
        // Now the float model is said to be too slow as a whole, whatever its layers are.
        var whole = table.Keys.Single(k => k.Operator == "Model");
        table.Set(whole, 2 * second, "plan");
        foreach (var k in table.Keys.Where(k => k.Operator != "Model" && k.Form == "float").ToList()) table.Set(k, second, "kernel");
        var tight = Compress("fashion-mlp", options);
        Assert.Contains(tight.Layers, l => !l.Scheme.IsFloat);
        Assert.InRange(tight.Latency!.Chosen!.Value, 1, second);
        Assert.Equal(2 * second, tight.Latency.Float);
        // What was measured is in the table: nothing is left to the clock.
        Assert.Equal(Bytes(tight), Bytes(Compress("fashion-mlp", options with { Measure = false })));
        Assert.Throws<BudgetException>(() => Compress("fashion-mlp", options with { Measure = false, Budget = new(BudgetKind.Latency, 1) }));
        foreach (var k in table.Keys.Where(k => k.Operator == "Model").ToList()) table.Set(k, 2 * second, "plan");
        Assert.Throws<BudgetException>(() => Compress("fashion-mlp", options with { Measure = false, Budget = new(BudgetKind.Latency, 1000) }));
    }

    private static LatencyTable Slowed(LatencyTable from, string[] forms)
    {
        var y = new LatencyTable(from.Machine);
        foreach (var key in from.Keys) y.Set(key, forms.Contains(key.Form) ? 1_000_000 : key.Form == "float" ? 1000 : 900, "kernel");
        return y;
    }
}
