using Engine.Graph;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>A wire in one encoding: a range of an extent.</summary>
internal sealed class PlannedBuffer(Value wire, TensorType type, Encoding encoding, Extent extent, long offset)
{
    public Value Wire { get; } = wire;

    public TensorType Type { get; } = type;

    public Encoding Encoding { get; } = encoding;

    public long Bytes { get; } = encoding.StorageBytes(type);

    public Extent Extent { get; set; } = extent;

    public long Offset { get; set; } = offset;
}

/// <summary>Memory that buffers share: views, in-place results, parts of a concatenation.</summary>
internal sealed class Extent
{
    public required long Bytes { get; init; }

    public Region Region { get; set; } = Region.Arena;

    /// <summary>Index within the region: constant, input or output number.</summary>
    public int Index { get; set; }

    public int First { get; set; } = int.MaxValue;

    public int Last { get; set; } = -1;

    public List<PlannedBuffer> Members { get; } = [];

    /// <summary>Offset in the arena, once placed.</summary>
    public long ArenaOffset { get; set; }

    public bool IsWorkspace { get; init; }
}

/// <summary>Collects the steps of a plan in order, lets buffers share extents where that is safe, and places the extents.</summary>
internal sealed class MemoryLayout(LoweredSegment segment, IReadOnlyList<Value> live, PlanOptions options)
{
    private sealed class Pending
    {
        public required string Name, Operator, Stem;
        public required StepFn Run;
        public required PlannedBuffer?[] Inputs, Outputs;
        public Extent[] Work = [];
        public string FormNotTaken = "", Executions = "";
        public int Overwrites = -1;
        public LoweredNode? Node;
        public bool Removed;
    }

    private readonly Dictionary<(Value, Encoding), PlannedBuffer> _buffers = [];
    private readonly Dictionary<Value, PlannedBuffer> _stored = [];
    private readonly List<Extent> _extents = [];
    private readonly List<Tensor> _constants = [];
    private readonly List<Pending> _steps = [];

    public PlannedBuffer? Find(Value v, Encoding e) => _buffers.GetValueOrDefault((v, e));

    /// <summary>The encoding a wire's content was computed in.</summary>
    public PlannedBuffer? Stored(Value v) => _stored.GetValueOrDefault(v);

    /// <summary>Makes another buffer the wire's content: readers convert from it, and none finds a form made before, on the way to it.</summary>
    public void Restore(Value v, PlannedBuffer b)
    {
        foreach (var (key, buffer) in _buffers)
            if (key.Item1 == v && buffer != b) _buffers.Remove(key);
        _stored[v] = b;
    }

    /// <summary>Takes in a wire that no step makes: a constant, a known value, or a value handed in.</summary>
    public PlannedBuffer Adopt(Value v, LoweredSegment s, PackedWeights packed)
    {
        Tensor? constant = v.Constant is { } w ? packed.Dense(w) : s.Known.GetValueOrDefault(v);
        Extent e;
        TensorType type;
        if (constant is not null)
        {
            type = constant.Type;
            e = new Extent { Bytes = type.Bytes, Region = Region.Constant, Index = _constants.Count };
            _constants.Add(constant);
        }
        else
        {
            int i = IndexOf(live, v);
            if (i < 0) throw new InvalidModelException($"wire '{v.Name}' is read before it is computed");
            type = s.Types[v];
            e = new Extent { Bytes = type.Bytes, Region = Region.Input, Index = i };
        }
        return Register(v, type, Encoding.Plain, e, 0);
    }

    /// <summary>A new extent for a wire that a step makes.</summary>
    public PlannedBuffer Produce(Value v, TensorType type, Encoding encoding)
    {
        var e = new Extent { Bytes = encoding.StorageBytes(type) };
        _extents.Add(e);
        return Register(v, type, encoding, e, 0);
    }

    private PlannedBuffer Register(Value v, TensorType type, Encoding encoding, Extent e, long offset)
    {
        var b = new PlannedBuffer(v, type, encoding, e, offset);
        e.Members.Add(b);
        _buffers[(v, encoding)] = b;
        _stored.TryAdd(v, b);
        return b;
    }

    public void AddView(Value v, TensorType type, PlannedBuffer of) => Register(v, type, of.Encoding, of.Extent, of.Offset);

    public void AddCopy(Node? node, Value v, TensorType type, PlannedBuffer from) =>
        Add(new Pending { Name = node?.Name ?? v.Name, Operator = node?.Op.ToString() ?? "Copy", Stem = "copy", Run = Copy, Inputs = [from], Outputs = [Produce(v, type, from.Encoding)] });

    public void AddConvert(Value v, StepFn run, PlannedBuffer from, PlannedBuffer to) =>
        Add(new Pending { Name = v.Name, Operator = "Convert", Stem = $"{from.Encoding} → {to.Encoding}", Run = run, Inputs = [from], Outputs = [to] });

    public void AddStep(LoweredNode n, BoundKernel k, PlannedBuffer?[] inputs, PlannedBuffer?[] outputs, Choice choice) => Add(new Pending
    {
        Name = n.Node.Name,
        Operator = string.Join('+', n.Node.Epilogue.Select(e => e.Op.Name).Prepend(n.Node.Op.ToString())),
        Stem = k.Stem,
        Run = k.Run,
        Inputs = inputs,
        Outputs = outputs,
        FormNotTaken = choice.FormNotTaken,
        Executions = choice.Executions,
        Overwrites = choice.Candidate.Overwrites,
        Work = [.. k.Context.WorkBytes.Select(b => new Extent { Bytes = b, IsWorkspace = true })],
        Node = n,
    });

    private void Add(Pending p)
    {
        foreach (var w in p.Work) _extents.Add(w);
        _steps.Add(p);
    }

    private static void Copy(in StepContext c) => c.In<byte>(0).CopyTo(c.Out<byte>(0));

    /// <summary>Shares, places and freezes.</summary>
    public Plan Finish(PlanKey key)
    {
        var outputs = AddOutputs();
        if (options.Level >= 1) JoinConcats(outputs);
        Measure(outputs);
        if (options.Level >= 1 && options.InPlace) ShareInPlace();
        var planOutputs = PlaceOutputs(outputs);
        _steps.RemoveAll(s => s.Removed);
        var arena = _extents.Where(e => e.Region == Region.Arena && e.Last >= 0).ToList();
        var placed = ArenaPlanner.Plan(Array.ConvertAll(arena.ToArray(), e => new Lifetime(e.Bytes, e.First, e.Last)));
        for (int i = 0; i < arena.Count; i++) arena[i].ArenaOffset = placed.Offsets[i];
        int firstInput = 1 + _constants.Count, firstOutput = firstInput + live.Count;

        ArgRef Ref(PlannedBuffer? b) => b is null ? ArgRef.Absent : b.Extent.Region switch
        {
            Region.Arena => new ArgRef(0, b.Extent.ArenaOffset + b.Offset, b.Bytes),
            Region.Constant => new ArgRef(1 + b.Extent.Index, b.Offset, b.Bytes),
            Region.Input => new ArgRef(firstInput + b.Extent.Index, b.Offset, b.Bytes),
            _ => new ArgRef(firstOutput + b.Extent.Index, b.Offset, b.Bytes),
        };
        var steps = _steps.Select(s => new PlanStep(s.Name, s.Operator, s.Stem, s.Run, Array.ConvertAll(s.Inputs, Ref), Array.ConvertAll(s.Outputs, Ref), Array.ConvertAll(s.Work, w => new ArgRef(0, w.ArenaOffset, w.Bytes)), s.Node?.Cost ?? new Cost(0, 2.0 * s.Outputs[0]!.Bytes))
        {
            Node = s.Node?.Node,
            OutputTypes = [.. s.Outputs.Select(o => o is null ? null : new StepOutput(o.Type, o.Encoding))],
            Operands = string.Join(", ", s.Inputs.Select((b, i) => b is not null ? Describe(b) : s.Node?.Inputs[i]?.Constant?.ToString() ?? "")),
            OutputDescription = s.Outputs.FirstOrDefault(o => o is not null) is { } o ? Describe(o) : "",
            Scheme = s.Node is null ? "" : string.Join(", ", s.Node.Inputs.OfType<Value>().Where(v => v.Constant is { Shape.Rank: > 1 }).Select(v => v.Constant!.Describe()).Distinct()),
            FormNotTaken = s.FormNotTaken,
            Executions = s.Executions,
            WeightBytes = s.Node?.Inputs.OfType<Value>().Sum(v => v.Constant?.StoredBytes ?? 0) ?? 0,
        }).ToList();
        var buffers = _extents.Where(e => e.Last >= 0).Select(e => new PlanBuffer(string.Join(", ", e.Members.Select(m => m.Wire.Name).Distinct()), e.Members.Count > 0 ? Describe(e.Members[0]) : "workspace",
            e.Region, e.Region == Region.Arena ? e.ArenaOffset : 0, e.Bytes, e.First, e.Last, e.IsWorkspace)).ToList();
        long workspace = 0;
        foreach (var e in _extents) if (e.IsWorkspace) workspace = Math.Max(workspace, e.Bytes);
        return new Plan
        {
            Steps = steps,
            ArenaBytes = placed.PeakBytes,
            LowerBound = placed.LowerBound,
            WorkspaceBytes = workspace,
            Buffers = buffers,
            Live = live,
            Key = key,
            Constants = _constants,
            Outputs = planOutputs,
            KnownOutputs = [.. segment.Outputs.Where(segment.Known.ContainsKey).Select(v => (v, segment.Known[v]))],
            Tail = segment.Tail,
            TailInputs = segment.TailInputs,
            Next = segment.Next,
            Aliases = segment.Aliases,
        };
    }

    private static string Describe(PlannedBuffer b) => b.Encoding == Encoding.Plain ? b.Type.ToString() : $"{b.Type} {b.Encoding}";

    // Wires that must leave the segment as plain tensors; values handed in or known are there already.
    private List<PlannedBuffer> AddOutputs()
    {
        var outputs = new List<PlannedBuffer>();
        foreach (var v in segment.Outputs)
            if (!segment.Known.ContainsKey(v) && IndexOf(live, v) < 0 && Find(v, Encoding.Plain) is { } b)
                outputs.Add(b);
        return outputs;
    }

    private void Measure(List<PlannedBuffer> outputs)
    {
        foreach (var e in _extents) (e.First, e.Last) = (int.MaxValue, -1);
        for (int t = 0; t < _steps.Count; t++)
        {
            var s = _steps[t];
            if (s.Removed) continue;
            foreach (var b in s.Inputs) if (b is not null) b.Extent.Last = Math.Max(b.Extent.Last, t);
            foreach (var b in s.Outputs.Where(b => b is not null))
            {
                b!.Extent.First = Math.Min(b.Extent.First, t);
                b.Extent.Last = Math.Max(b.Extent.Last, t);
            }
            foreach (var w in s.Work) (w.First, w.Last) = (t, t);
        }
        foreach (var b in outputs) b.Extent.Last = _steps.Count;
    }

    // A concatenation whose parts lie one after another needs no step: producers write to their place in the result.
    private void JoinConcats(List<PlannedBuffer> outputs)
    {
        var handedOut = outputs.ToHashSet();
        foreach (var s in _steps)
        {
            if (s.Node?.Node is not { Op.Name: "Concat" } || s.Outputs[0] is not { } whole || whole.Encoding != Encoding.Plain || whole.Type.DType.IsPacked()) continue;
            var parts = s.Inputs.OfType<PlannedBuffer>().ToList();
            if (parts.Count != s.Node.Inputs.Length || parts.Sum(p => p.Bytes) != whole.Bytes || !Contiguous(whole.Type.Shape, parts)) continue;
            if (parts.Select(p => p.Extent).Distinct().Count() != parts.Count) continue;
            if (parts.Any(p => p.Extent.Region != Region.Arena || p.Offset != 0 || p.Bytes != p.Extent.Bytes || p.Extent.Members.Any(handedOut.Contains))) continue;
            long at = whole.Offset;
            foreach (var p in parts)
            {
                var old = p.Extent;
                foreach (var m in old.Members)
                {
                    m.Extent = whole.Extent;
                    m.Offset += at;
                    whole.Extent.Members.Add(m);
                }
                old.Members.Clear();
                _extents.Remove(old);
                at += p.Bytes;
            }
            s.Removed = true;
        }
    }

    // Row-major parts are contiguous when every dimension before the concatenated axis is 1.
    private static bool Contiguous(Shape whole, List<PlannedBuffer> parts)
    {
        int axis = 0;
        while (axis < whole.Rank && whole[axis] == 1) axis++;
        return parts.All(p => p.Type.Shape.Rank == whole.Rank && whole.Rank > 0 && Enumerable.Range(0, whole.Rank).All(d => d == axis || d < axis || p.Type.Shape[d] == whole[d]));
    }

    private void ShareInPlace()
    {
        for (int t = 0; t < _steps.Count; t++)
        {
            var s = _steps[t];
            bool any = s.Node?.Node is { Op.IsElementwise: true, Epilogue.Count: 0 } && s.Outputs.Count(o => o is not null) == 1;
            if (s.Removed || !any && s.Overwrites < 0 || s.Outputs[0] is not { } y) continue;
            if (y.Extent.Region != Region.Arena || y.Offset != 0 || y.Bytes != y.Extent.Bytes) continue;
            foreach (var x in any ? s.Inputs : [s.Inputs[s.Overwrites]])
            {
                if (x is null || !any && s.Inputs.Count(o => o?.Extent == x.Extent) > 1 || x.Extent == y.Extent || x.Extent.Region != Region.Arena || x.Extent.Last != t || x.Type != y.Type || x.Encoding != y.Encoding) continue;
                // Another operand in the same extent must be the very same elements: a kernel may read it after it wrote this one.
                if (s.Inputs.Any(o => o is not null && o != x && o.Extent == x.Extent && (o.Offset != x.Offset || o.Type != x.Type))) continue;
                // What is merged must be an extent written by this step first.
                if (y.Extent.First != t) continue;
                var old = y.Extent;
                x.Extent.Last = Math.Max(x.Extent.Last, old.Last);
                foreach (var m in old.Members)
                {
                    m.Extent = x.Extent;
                    m.Offset += x.Offset;
                    x.Extent.Members.Add(m);
                }
                old.Members.Clear();
                _extents.Remove(old);
                break;
            }
        }
    }

    // Results are written where the caller wants them, unless they share memory with something else: then they are copied last.
    private List<PlanOutput> PlaceOutputs(List<PlannedBuffer> outputs)
    {
        var result = new List<PlanOutput>();
        foreach (var b in outputs)
        {
            int index = result.Count;
            result.Add(new PlanOutput(b.Wire, b.Type));
            if (b.Extent.Region == Region.Arena && b.Offset == 0 && b.Bytes == b.Extent.Bytes)
            {
                (b.Extent.Region, b.Extent.Index) = (Region.Output, index);
                continue;
            }
            var copy = new Extent { Bytes = b.Bytes, Region = Region.Output, Index = index, First = _steps.Count, Last = _steps.Count };
            _extents.Add(copy);
            if (b.Extent.Region == Region.Arena) b.Extent.Last = Math.Max(b.Extent.Last, _steps.Count);
            _steps.Add(new Pending { Name = b.Wire.Name, Operator = "Copy", Stem = "copy", Run = Copy, Inputs = [b], Outputs = [new PlannedBuffer(b.Wire, b.Type, Encoding.Plain, copy, 0)] });
        }
        return result;
    }

    private static int IndexOf(IReadOnlyList<Value> list, Value v)
    {
        for (int i = 0; i < list.Count; i++)
            if (list[i] == v) return i;
        return -1;
    }
}
