using System.CommandLine;
using Engine.Cli;
using Engine.Compression;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Bench;

/// <summary><c>engine-bench trees</c>: layers of signs packed, by shared sums and along trees, in turn.</summary>
internal static class TreesCommand
{
    private const string Examples = """
        engine-bench trees
        engine-bench trees --layer 8x64x56x56x64x3 --percent 10,20,30 --threads 1,2
        engine-bench trees bench/models/fashion-bnn-vgg/model.onnx bench/models/fashion-bnn-vgg-mst/model.onnx --shape x:64x1x28x28
        """;

    private static readonly string[] s_layers = ["8x64x56x56x64x3", "15x128x28x28x128x3", "13x256x14x14x256x3"];
    private static readonly Argument<string[]> s_models = new("models") { Description = "Models whose binary layers are timed; default: layers with random trees", HelpName = "models", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string[]> s_shapes = new("--shape") { Description = "Shape of an input of the models; random values have it", HelpName = "name:64x1x28x28" };
    private static readonly Option<string[]> s_layer = new("--layer") { Description = "Images x channels x height x width x filters x window of a layer with a random tree", HelpName = "8x64x56x56x64x3" };
    private static readonly Option<string> s_percent = new("--percent") { Description = "In how much of its inputs a channel of a random tree differs from its parent", DefaultValueFactory = _ => "5,10,15,20,25,30,35,40,45,50", HelpName = "5,10,…" };
    private static readonly Option<string> s_threads = new("--threads", "-t") { Description = "Thread counts to measure; threads are pinned", DefaultValueFactory = _ => "1", HelpName = "1,2" };
    private static readonly Option<int> s_runs = new("--runs") { Description = "Fewest timed rounds of a layer", DefaultValueFactory = _ => 30, HelpName = "N" };
    private static readonly Option<int> s_minTime = new("--min-time") { Description = "Shortest time of all rounds of a layer, in milliseconds", DefaultValueFactory = _ => 300, HelpName = "ms" };

    public static Command Create()
    {
        var command = new Command("trees", "Times layers of signs packed, by shared sums (FR) and along minimum spanning trees, in turn: where trees pay.");
        var format = CommonOptions.Format("md|csv|json");
        var output = new Option<string?>("--output", "-o") { Description = "File to write instead of stdout", HelpName = "file" };
        command.Arguments.Add(s_models);
        foreach (Option o in (Option[])[s_shapes, s_layer, s_percent, s_threads, s_runs, s_minTime, format, output]) command.Options.Add(o);
        return command.Action(Examples, (p, cancellation) =>
        {
            string[] models = p.GetRequiredValue(s_models), layers = p.GetValue(s_layer) ?? [];
            int[] threads = NamedValue.Counts(p.GetRequiredValue(s_threads), "--threads");
            foreach (int n in threads) PinnedTeam.Processors(n);
            int runs = p.GetValue(s_runs), minTime = p.GetValue(s_minTime);
            if (runs is < 1 or > 1_000_000) throw CommandException.Usage($"--runs {runs}: expected 1 to 1000000");
            if (minTime is < 0 or > 600_000) throw CommandException.Usage($"--min-time {minTime}: expected 0 to 600000");
            if (models.Length > 0 && layers.Length > 0) throw CommandException.Usage("--layer: either models, or layers with random trees");
            var shapes = NamedValue.Shapes(p.GetValue(s_shapes));
            int[] percents = NamedValue.Counts(p.GetRequiredValue(s_percent), "--percent");
            if (percents.FirstOrDefault(x => x > 50) is > 0 and var most) throw CommandException.Usage($"--percent {most}: expected 1 to 50");
            List<TreeCase> cases = [.. models.Length > 0 ? models.SelectMany(m => TreeCase.Of(m, shapes)) : from l in layers.Length > 0 ? layers : s_layers from percent in percents select TreeCase.Synthetic(Dims(l), percent)];
            var table = new Table(
                new("layer", "layer"), new("filters x inputs", "weight"), new("images", "images"), new("map", "map"), new("threads", "threads"), new("mean |D|/N", "mean_difference", "0.000"), new("depth", "depth"), new("operations / along the tree", "operations", "0.00"),
                new("packed µs", "packed_us", "0.00"), new("FR µs", "fr_us", "0.00"), new("tree µs", "tree_us", "0.00"), new("packed / tree", "packed_text"), new("FR / tree", "fr_text"), new("ratio", "fr_ratio", Hidden: Hide.Markdown | Hide.Csv));
            ProgressBar.Run(cases.Count * threads.Length, step =>
            {
                foreach (var c in cases)
                    foreach (int n in threads)
                    {
                        step(c.Layer);
                        var settings = new InterleavedSettings { Rounds = runs, MinTime = TimeSpan.FromMilliseconds(minTime), Discarded = 1 };
                        var times = PinnedTeam.Run(n, workers => Interleaved.Measure([.. SignExecutions.Of(c.Shape, c.Signs, c.Tree, c.ToBits, workers).Select(e => e.Run)], settings, cancellation: cancellation));
                        table.Add(c.Layer, $"{c.Signs.Rows} x {c.Signs.Columns}", c.Shape.Batch, $"{c.Shape.Window.H.Output} x {c.Shape.Window.W.Output}", n, c.MeanDifference, c.Tree.Depth, c.Operations,
                            times.Median(0) / 1e3, times.Median(1) / 1e3, times.Median(2) / 1e3, times.Ratio(0, 2).ToString(), times.Ratio(1, 2).ToString(), times.Ratio(1, 2).Median);
                    }
            });
            var report = new Report();
            Machine.Describe(report);
            report.Add("trees", "layers", table)
                .AddNote("Packed takes and leaves words of 64 channels, FR and trees take planes of 512 pixels (words where the window moves by more than a pixel) and leave planes; all leave f32 where the model's layer does. Ways are timed in turn; ratios are medians with their 95 % interval, above 1 the tree is faster.");
            report.Write(p.GetValue(format), p.GetValue(output));
            return ExitCode.Ok;
        });
    }

    private static int[] Dims(string text)
    {
        string[] parts = text.Split('x');
        var dims = new int[parts.Length];
        for (int i = 0; i < dims.Length; i++)
            if (!int.TryParse(parts[i], out dims[i]) || dims[i] < 1) dims = [];
        return dims.Length == 6 && SlicedProgram.Supports(dims[4], (long)dims[1] * dims[5] * dims[5]) && dims[4] > 1 ? dims : throw CommandException.Usage($"--layer {text}: expected images x channels x height x width x filters x window, as in {s_layers[0]}");
    }
}
