using Engine.Ptx.Text;

namespace Engine.Ptx.Code;

/// <summary>A kernel, its device functions put in where they are called, to <see cref="Step"/>s.</summary>
internal sealed class FunctionCompiler
{
    private const int MaxCallDepth = 32;
    private const int MaxSteps = 1 << 20;
    private readonly IReadOnlyDictionary<string, PtxFunction> _functions;
    private readonly PtxFunction _entry;
    private readonly List<string> _calls = [];
    private Frame _frame;

    public FunctionCompiler(string module, IReadOnlyDictionary<string, PtxFunction> functions, PtxFunction entry)
    {
        Module = module;
        _functions = functions;
        _entry = entry;
        _frame = new Frame(entry, 0);
    }

    /// <summary>One function being put in: its own registers and its part of the lane's local memory.</summary>
    private sealed class Frame(PtxFunction function, long localBase)
    {
        public PtxFunction Function { get; } = function;

        public long LocalBase { get; } = localBase;

        public Dictionary<RegisterSymbol, Slot> Slots { get; } = [];

        public Dictionary<RegisterSymbol, int> Predicates { get; } = [];
    }

    public string Module { get; }

    public RegisterFile File { get; } = new();

    public SharedLayout Shared { get; } = new();

    public List<Step> Steps { get; } = [];

    public long LocalBytes { get; private set; }

    public KernelCode Compile()
    {
        LocalBytes = _entry.LocalBytes;
        Emit();
        Steps.Add(new Step { Kind = StepKind.Exit, Source = new PtxInstruction(0, "end of the kernel", "exit", [], [], null) });
        return new KernelCode(_entry, [.. Steps], File, Shared, LocalBytes);
    }

    public Slot SlotOf(RegisterSymbol register)
    {
        if (!_frame.Slots.TryGetValue(register, out Slot slot)) _frame.Slots[register] = slot = File.Add(register.Type.Bits() == 64);
        return slot;
    }

    public int PredicateOf(RegisterSymbol register)
    {
        if (!_frame.Predicates.TryGetValue(register, out int index)) _frame.Predicates[register] = index = File.AddPredicate();
        return index;
    }

    /// <summary>The place of a variable's address in its own space.</summary>
    public Slot AddressOf(VariableOperand operand, bool wide)
    {
        VariableSymbol variable = operand.Variable;
        switch (variable.Space)
        {
            case PtxSpace.Local or PtxSpace.Argument:
                return File.Constant((ulong)(_frame.LocalBase + variable.Offset + operand.Offset), wide);
            case PtxSpace.Parameter:
                return File.Constant((ulong)(variable.Offset + operand.Offset), wide);
            case PtxSpace.Shared:
                Shared.Add(variable);
                break;
        }
        return File.Address(variable, operand.Offset, wide);
    }

    private void Emit()
    {
        PtxFunction function = _frame.Function;
        int[] starts = new int[function.Instructions.Count + 1];
        var fixes = new List<(Step Step, PtxInstruction Source)>();
        for (int i = 0; i < function.Instructions.Count; i++)
        {
            starts[i] = Steps.Count;
            PtxInstruction source = function.Instructions[i];
            if (Steps.Count >= MaxSteps) throw new PtxUnsupportedException(Module, source.Line, source.Text, $"over {MaxSteps} instructions");
            if (source.Opcode == "call")
            {
                Call(new Encoder(this, source));
                continue;
            }
            Step step = StepOf(source);
            Steps.Add(step);
            if (step.Kind is StepKind.Branch or StepKind.BranchIndexed) fixes.Add((step, source));
        }
        starts[^1] = Steps.Count;
        foreach ((Step step, PtxInstruction source) in fixes) Resolve(step, source, starts);
    }

    private Step StepOf(PtxInstruction source)
    {
        var encoder = new Encoder(this, source);
        var step = new Step { Source = source };
        Guard(step, source);
        switch (source.Opcode)
        {
            case "bra" or "brx": step.Kind = source.Opcode == "bra" ? StepKind.Branch : StepKind.BranchIndexed; break;
            case "ret" when _calls.Count > 0: step.Kind = StepKind.Branch; break;
            case "ret" or "exit": step.Kind = StepKind.Exit; break;
            default:
                if (!InstructionSet.Table.TryGetValue(source.Opcode, out Func<Encoder, Operation>? build)) throw encoder.Unsupported("no such instruction here");
                step.Operation = build(encoder);
                step.Kind = step.Operation switch
                {
                    BarrierOperation => StepKind.Barrier,
                    ConvergentOperation => StepKind.Convergent,
                    _ => StepKind.Plain,
                };
                break;
        }
        return step;
    }

    private void Guard(Step step, PtxInstruction source)
    {
        if (source.Guard is not { } guard) return;
        step.Guard = PredicateOf(guard.Register);
        step.GuardFlip = guard.Negated ? uint.MaxValue : 0;
    }

    private void Resolve(Step step, PtxInstruction source, int[] starts)
    {
        var encoder = new Encoder(this, source);
        if (source.Opcode == "ret")
        {
            step.Target = Steps.Count;
            return;
        }
        if (encoder.Operand(source.Opcode == "bra" ? 0 : 1) is not LabelOperand { Label: var label }) throw encoder.Wrong("expected a label");
        if (step.Kind == StepKind.Branch)
        {
            step.Target = PositionOf(label);
            return;
        }
        step.Index = encoder.Source(0, PtxType.U32);
        step.Targets = [.. (label.Targets ?? throw encoder.Wrong("the label lists no targets")).Select(PositionOf)];

        int PositionOf(LabelSymbol l) => l.Position >= 0 ? starts[l.Position] : throw encoder.Wrong($"label '{l.Name}' is nowhere");
    }

    /// <summary>Puts the called function in. A guarded call is jumped over by the lanes whose guard is false.</summary>
    private void Call(Encoder encoder)
    {
        Operand[] operands = encoder.Instruction.Operands;
        int at = operands.Length > 0 && operands[0] is ListOperand ? 1 : 0;
        if (at >= operands.Length || operands[at] is not FunctionOperand { Name: var name }) throw encoder.Unsupported("only functions called by name");
        PtxFunction callee = _functions[name];
        if (!callee.HasBody) throw encoder.Unsupported($"function '{name}' has no body");
        if (_calls.Contains(name)) throw encoder.Unsupported($"function '{name}' calls itself");
        if (_calls.Count == MaxCallDepth) throw encoder.Unsupported($"calls over {MaxCallDepth} deep");
        Operand[] results = at == 1 ? [.. ((ListOperand)operands[0]).Items] : [];
        Operand[] arguments = operands.Length > at + 1 && operands[at + 1] is ListOperand list ? [.. list.Items] : [];
        Step? jump = null;
        if (encoder.Instruction.Guard != null)
        {
            jump = new Step { Kind = StepKind.Branch, Source = encoder.Instruction };
            Guard(jump, encoder.Instruction);
            jump.GuardFlip = ~jump.GuardFlip;
            Steps.Add(jump);
        }
        long calleeBase = (LocalBytes + 15) / 16 * 16;
        Copy(encoder, arguments, callee.Parameters, calleeBase, into: true);
        Frame caller = _frame;
        _frame = new Frame(callee, calleeBase);
        LocalBytes = calleeBase + callee.LocalBytes;
        _calls.Add(name);
        Emit();
        _calls.RemoveAt(_calls.Count - 1);
        _frame = caller;
        Copy(encoder, results, callee.Results, calleeBase, into: false);
        if (jump != null) jump.Target = Steps.Count;
    }

    private void Copy(Encoder encoder, Operand[] outer, List<VariableSymbol> inner, long innerBase, bool into)
    {
        if (outer.Length != inner.Count) throw encoder.Wrong($"{outer.Length} arguments or results, expected {inner.Count}");
        for (int i = 0; i < outer.Length; i++)
        {
            if (outer[i] is not VariableOperand { Variable: { Space: PtxSpace.Argument } variable } || variable.Bytes != inner[i].Bytes)
                throw encoder.Unsupported("arguments and results have to be variables of matching size");
            long there = _frame.LocalBase + variable.Offset, here = innerBase + inner[i].Offset;
            Steps.Add(new Step { Source = encoder.Instruction, Operation = new LocalCopy(into ? here : there, into ? there : here, (int)variable.Bytes) });
        }
    }
}
