using System.Runtime.CompilerServices;
using Engine.Kernels;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>One step of a plan: reads its inputs, writes its outputs, decides and allocates nothing.</summary>
public delegate void StepFn(in StepContext c);

/// <summary>Where an operand lies: a slot of the session's pointer table and a byte offset from it.</summary>
/// <param name="Slot">Index in the pointer table, −1 for an absent operand.</param>
/// <param name="Offset">Bytes from the slot's pointer.</param>
/// <param name="Bytes">Length in bytes.</param>
public readonly record struct ArgRef(int Slot, long Offset, long Bytes)
{
    /// <summary>An operand left out.</summary>
    public static ArgRef Absent => new(-1, 0, 0);
}

/// <summary>The operands of one step, resolved against a session's memory.</summary>
public readonly unsafe ref struct StepContext
{
    private readonly ReadOnlySpan<nint> _pointers;
    private readonly ReadOnlySpan<ArgRef> _inputs, _outputs, _work;

    /// <summary>Binds operands to a pointer table.</summary>
    public StepContext(ReadOnlySpan<nint> pointers, ReadOnlySpan<ArgRef> inputs, ReadOnlySpan<ArgRef> outputs, ReadOnlySpan<ArgRef> work, Workers workers, CancellationToken cancellation)
    {
        _pointers = pointers;
        _inputs = inputs;
        _outputs = outputs;
        _work = work;
        Workers = workers.With(cancellation);
    }

    /// <summary>The pool to split work over; its loops look at <see cref="Cancellation"/>.</summary>
    public Workers Workers { get; }

    /// <summary>Checked between steps and in the loops of <see cref="Workers"/>; a long step without such a loop checks it by itself.</summary>
    public CancellationToken Cancellation => Workers.Cancellation;

    /// <summary>True when input <paramref name="i"/> is present.</summary>
    public bool Has(int i) => i < _inputs.Length && _inputs[i].Slot >= 0;

    /// <summary>Input <paramref name="i"/>; empty when absent. Packed 4-bit types are read as bytes.</summary>
    public ReadOnlySpan<T> In<T>(int i) where T : unmanaged => i < _inputs.Length ? View<T>(_inputs[i]) : default;

    /// <summary>Output <paramref name="i"/>; empty when the node does not ask for it. Content is undefined before it is written.</summary>
    public Span<T> Out<T>(int i) where T : unmanaged => i < _outputs.Length ? View<T>(_outputs[i]) : default;

    /// <summary>Workspace <paramref name="i"/>, as reserved by <see cref="BindContext.Work"/>; undefined content.</summary>
    public Span<T> Work<T>(int i) where T : unmanaged => View<T>(_work[i]);

    /// <summary>First byte of input <paramref name="i"/>, null when absent.</summary>
    public byte* InPointer(int i) => i < _inputs.Length ? Address(_inputs[i]) : null;

    /// <summary>First byte of output <paramref name="i"/>, null when absent.</summary>
    public byte* OutPointer(int i) => i < _outputs.Length ? Address(_outputs[i]) : null;

    /// <summary>First byte of workspace <paramref name="i"/>.</summary>
    public byte* WorkPointer(int i) => Address(_work[i]);

    /// <summary>The same step seen by a wrapped kernel: operands replaced, pool kept.</summary>
    public StepContext Rebind(ReadOnlySpan<ArgRef> inputs, ReadOnlySpan<ArgRef> outputs, ReadOnlySpan<ArgRef> work) => new(_pointers, inputs, outputs, work, Workers, Cancellation);

    /// <summary>Where the operands lie.</summary>
    public ReadOnlySpan<ArgRef> InputRefs => _inputs;

    /// <summary>Where the results lie.</summary>
    public ReadOnlySpan<ArgRef> OutputRefs => _outputs;

    /// <summary>Where the workspaces lie.</summary>
    public ReadOnlySpan<ArgRef> WorkRefs => _work;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<T> View<T>(ArgRef a) where T : unmanaged => a.Slot < 0 ? default : new Span<T>((byte*)_pointers[a.Slot] + a.Offset, checked((int)(a.Bytes / sizeof(T))));

    private byte* Address(ArgRef a) => a.Slot < 0 ? null : (byte*)_pointers[a.Slot] + a.Offset;
}
