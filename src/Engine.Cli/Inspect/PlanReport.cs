using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cli;

/// <summary>How a model would run on inputs of given shapes: steps, buffers, and memory, a section a plan.</summary>
internal static class PlanReport
{
    /// <summary>The plans of a run; later segments are known only once the values that their shapes depend on are computed.</summary>
    public static void Add(Report report, EngineModel model, IReadOnlyDictionary<string, RuntimeValue> inputs, CancellationToken cancellation)
    {
        var first = model.Model.Plan(inputs, model.Part);
        IReadOnlyList<Plan> plans = [first];
        if (first.EndsAt is not null)
        {
            using var session = model.Model.CreateSession(new SessionOptions { SubNetwork = model.Part });
            try
            {
                session.Run(inputs, cancellation);
                plans = session.Plans;
            }
            catch (EngineException e)
            {
                report.AddNote($"Later segments are unknown: a run on random inputs ended with: {e.Message}");
            }
        }
        report.Add("segments", "Segments", Segments(plans));
        for (int i = 0; i < plans.Count; i++)
        {
            string suffix = plans.Count > 1 ? $" of segment {i}" : "";
            report.Add("steps", "Steps" + suffix, Steps(plans[i], i)).Add("buffers", "Buffers" + suffix, Buffers(plans[i], i));
        }
        if (model.Part is { } part) PartForms.Add(report, model.Model, part);
        foreach (var r in model.Model.Rewrites.Where(r => r.Places > 0)) report.Add("rewrite." + r.Rewrite, $"rewrite {r.Rewrite}, places", r.Places);
        report.Add("packed_bytes", "bytes of weights in kernel layouts", model.Model.PackedBytes).Add("stored_packed_bytes", "bytes of them used as the file holds them", model.Model.StoredPackedBytes);
    }

    private static Table Segments(IReadOnlyList<Plan> plans)
    {
        var t = new Table(new("#", "segment"), new("steps", "steps"), new("converts", "converts"), new("arena peak bytes", "peak_bytes"), new("lower bound bytes", "lower_bound_bytes"), new("largest workspace bytes", "workspace_bytes"), new("takes", "takes"), new("ends at", "ends_at"));
        for (int i = 0; i < plans.Count; i++)
        {
            var p = plans[i];
            t.Add(i, p.Steps.Count, p.Steps.Count(s => s.Node is null), p.ArenaBytes, p.LowerBound, p.WorkspaceBytes, string.Join(", ", p.InputNames), p.EndsAt);
        }
        return t;
    }

    private static Table Steps(Plan plan, int segment)
    {
        var t = new Table(new("segment", "segment", Hidden: Hide.Markdown), new("#", "step"), new("step", "name"), new("op", "op"), new("kernel", "kernel"), new("tier", "tier"), new("out", "out"), new("scheme", "scheme"), new("form not taken", "form_not_taken", Hidden: plan.Steps.Any(s => s.FormNotTaken.Length > 0) ? Hide.Nowhere : Hide.Markdown), new("executions, estimated", "executions", Hidden: plan.Steps.Any(s => s.Executions.Length > 0) ? Hide.Nowhere : Hide.Markdown), new("MOP", "mop", "0.###"), new("weight KiB", "weight_kib", "0.0"), new("in at", "in_at"), new("out at", "out_at"));
        for (int i = 0; i < plan.Steps.Count; i++)
        {
            var s = plan.Steps[i];
            t.Add(segment, i, s.Name, s.Operator, s.Stem, KernelTables.TierOf(s.Stem), s.OutputDescription, s.Scheme, s.FormNotTaken, s.Executions, s.Cost.Operations / 1e6, s.WeightBytes / 1024.0, Places(plan, s.Inputs), Places(plan, s.Outputs));
        }
        return t;
    }

    /// <summary>Slots of the pointer table hold the arena, then constants, inputs and outputs.</summary>
    private static string Places(Plan plan, ArgRef[] refs) => string.Join(' ', refs.Where(r => r.Slot >= 0).Select(r => plan.RegionOf(r.Slot) switch
    {
        Region.Arena => $"@{r.Offset}",
        Region.Constant => "const",
        Region.Input => "in",
        _ => "out",
    } + (plan.RegionOf(r.Slot) != Region.Arena && r.Offset > 0 ? $"+{r.Offset}" : "")));

    private static Table Buffers(Plan plan, int segment)
    {
        var t = new Table(new("segment", "segment", Hidden: Hide.Markdown), new("buffer", "buffer"), new("type", "type"), new("region", "region"), new("offset", "offset"), new("bytes", "bytes"), new("first step", "first_step"), new("last step", "last_step"), new("workspace", "workspace"));
        foreach (var b in plan.Buffers) t.Add(segment, b.Name, b.Type, b.Region.ToString().ToLowerInvariant(), b.Region == Region.Arena ? b.Offset : null, b.Bytes, b.First, b.Last, b.IsWorkspace);
        return t;
    }
}
