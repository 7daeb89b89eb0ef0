using System.Diagnostics;
using Engine.Formats.Onnx;
using Engine.Tensors;

namespace Engine.Conformance;

/// <summary>Damaged models through load and run: a result or a typed error, whatever the operator.</summary>
public sealed class MutationTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private const int LargestModel = 1024;

    // Runs are cancelled after a second. What takes far longer hangs; the margin is for a busy machine.
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);

    /// <summary>A bounded share: some bits of every model.</summary>
    [Fact]
    public void Some_bits() => Sweep(0, 1201);

    [Theory, Trait("Category", "Soak")]
    [InlineData(0), InlineData(1), InlineData(2), InlineData(3)]
    public void Every_bit(int quarter) => Sweep(quarter, 1, 4);

    private void Sweep(int start, int step, int share = 1)
    {
        var faults = new SortedDictionary<string, string>(StringComparer.Ordinal);
        int at = start, mutants = 0, ran = 0;
        foreach (var (name, c) in ConformanceData.Cases.Where((_, i) => i % share == start))
        {
            byte[] model = File.ReadAllBytes(c.ModelPath);
            if (model.Length > LargestModel) continue;
            RuntimeValue[] inputs;
            try
            {
                inputs = [.. c.DataSets[0].ReadInputs(OnnxModelReader.Load(model).Graph)];
            }
            catch (EngineException)
            {
                continue;
            }
            for (; at < model.Length * 8; at += step)
            {
                model[at / 8] ^= (byte)(1 << at % 8);
                mutants++;
                if (Run(model, inputs, ref ran) is { } fault) faults.TryAdd(fault, $"{name}, bit {at}");
                model[at / 8] ^= (byte)(1 << at % 8);
            }
            at -= model.Length * 8;
        }
        output.WriteLine($"{mutants} mutants, {ran} of them ran to a result");
        Assert.True(ran > 0, "no mutant ran");
        Assert.True(faults.Count == 0, string.Join('\n', faults.Select(f => $"{f.Value}: {f.Key}")));
    }

    private static string? Run(byte[] bytes, RuntimeValue[] inputs, ref int ran)
    {
        var clock = Stopwatch.StartNew();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            using var model = Model.Load(bytes, new ModelOptions { MaxMemory = 64 << 20 });
            using var session = model.CreateSession(new SessionOptions());
            session.Run(inputs, new RuntimeValue?[model.Outputs.Count], timeout.Token);
            ran++;
        }
        catch (Exception e) when (e is EngineException or OperationCanceledException)
        {
        }
        catch (Exception e)
        {
            string where = e.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains(" Engine.", StringComparison.Ordinal))?.Trim() ?? "";
            return $"{e.GetType().Name}: {e.Message} {where}";
        }
        return clock.Elapsed < Hang ? null : $"took {clock.Elapsed}";
    }
}
