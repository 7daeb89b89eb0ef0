using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine;

/// <summary>
/// Runs a model for one caller at a time, with memory of its own. A second caller gets an <see cref="InvalidOperationException"/>;
/// <see cref="Dispose"/> waits for a run to end. After an error or a cancellation the session stays usable.
/// </summary>
public sealed class Session : IDisposable
{
    private readonly Model _model;
    private readonly Executor _executor;
    private readonly Workers _workers;
    private readonly bool _ownsWorkers;
    private readonly RuntimeValue[] _inputs;
    private readonly RuntimeValue?[] _outputs;
    private readonly bool[] _bound;
    private readonly List<Plan> _plans = [];
    private readonly SessionOptions _options;
    private readonly Program _whole;
    private readonly Dictionary<SubNetwork, Program> _parts = [];
    private readonly Lock _gate = new();
    private long _arenaBytes;
    private bool _disposed;

    internal Session(Model model, Program program, SessionOptions options)
    {
        (_model, _options) = (model, options);
        _whole = model.ProgramFor(options, null);
        if (options.SubNetwork is { } part) _parts[part] = program;
        _ownsWorkers = options.Pool is null;
        _workers = options.Pool ?? new Workers(options.Threads, options.SpinMicroseconds, options.Affinity);
        _executor = new Executor(program, _workers, new ExecutorOptions
        {
            Profile = options.Profile,
            Poison = options.Poison,
            Observe = options.Observe,
            Reserve = (bytes, what) =>
            {
                model.Budget.Reserve(bytes, what);
                _arenaBytes += bytes;
            },
            Check = model.Budget.Check,
            Planned = p =>
            {
                if (_plans.Count < 64) _plans.Add(p);
                model.Planned(p);
            },
        });
        _inputs = new RuntimeValue[model.Inputs.Count];
        _outputs = new RuntimeValue?[model.Outputs.Count];
        _bound = new bool[model.Outputs.Count];
    }

    /// <summary>The model.</summary>
    public Model Model => _model;

    /// <summary>Every plan used so far, those of branches and loop bodies included.</summary>
    public IReadOnlyList<Plan> Plans => _plans;

    /// <summary>Time a step, where <see cref="SessionOptions.Profile"/> is set.</summary>
    public IReadOnlyList<StepTiming> Timings => _executor.Timings;

    /// <summary>Bytes of arena this session holds.</summary>
    public long ArenaBytes => _executor.ArenaBytes;

    /// <summary>
    /// Changes the part of the model that runs from now on, null for the whole. Between parts that ran before with inputs of the same shapes it takes no memory; the first
    /// run of a part makes its plan. The arena is that of the largest part that ran. Throws <see cref="InputException"/> for a part of another model.
    /// </summary>
    public void Use(SubNetwork? part)
    {
        Enter();
        try
        {
            if (part is null)
            {
                _executor.Use(_whole);
                return;
            }
            if (!_parts.TryGetValue(part, out var program)) _parts[part] = program = _model.ProgramFor(_options, part);
            _executor.Use(program);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Forgets the times measured so far.</summary>
    public void ResetTimings() => _executor.ResetTimings();

    /// <summary>Runs on inputs by name; the outputs are the caller's.</summary>
    public IReadOnlyDictionary<string, RuntimeValue> Run(IReadOnlyDictionary<string, RuntimeValue> inputs, CancellationToken cancellation = default)
    {
        var values = new RuntimeValue[_inputs.Length];
        for (int i = 0; i < values.Length; i++)
        {
            string name = _model.Inputs[i].Name;
            values[i] = inputs.TryGetValue(name, out var v) ? v : throw new InputException($"input '{name}' is missing; the model takes {Names()}", name);
        }
        foreach (string name in inputs.Keys)
            if (!_model.Inputs.Any(i => i.Name == name)) throw new InputException($"the model has no input '{name}'; it takes {Names()}", name);
        var outputs = new RuntimeValue?[_outputs.Length];
        Run(values, outputs, cancellation);
        var result = new Dictionary<string, RuntimeValue>(outputs.Length);
        for (int i = 0; i < outputs.Length; i++) result[_model.Outputs[i].Name] = outputs[i]!;
        return result;
    }

    /// <summary>
    /// Runs on inputs in the model's order. An output given as a tensor of the right type is written in place, for a null one a new value
    /// is made. With all outputs given, a run of a static model allocates nothing after the first of its shapes and of its cancellation.
    /// A cancellation is seen between steps and inside long ones; outputs given are then incomplete.
    /// </summary>
    public void Run(ReadOnlySpan<RuntimeValue> inputs, Span<RuntimeValue?> outputs, CancellationToken cancellation = default)
    {
        Enter();
        try
        {
            if (inputs.Length != _inputs.Length) throw new InputException($"{inputs.Length} inputs given; the model takes {Names()}");
            if (outputs.Length != _outputs.Length) throw new InputException($"{outputs.Length} outputs given; the model gives {_outputs.Length}");
            for (int i = 0; i < inputs.Length; i++) InputCheck.Require(_model.Inputs[i], inputs[i]);
            _executor.Run(inputs, outputs, cancellation);
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Sets input <paramref name="name"/> for <see cref="Run(CancellationToken)"/>. The tensor may wrap the caller's own memory (<see cref="Tensor.Wrap"/>).</summary>
    public void Bind(string name, RuntimeValue value)
    {
        int i = IndexOf(_model.Inputs, name);
        if (i >= 0)
        {
            InputCheck.Require(_model.Inputs[i], value);
            _inputs[i] = value;
            return;
        }
        int o = IndexOf(_model.Outputs, name);
        if (o < 0) throw new InputException($"the model has no input or output '{name}'; it takes {Names()}", name);
        (_outputs[o], _bound[o]) = (value, true);
    }

    /// <summary>Runs on what was bound. Outputs not bound are allocated anew; see <see cref="Output"/>.</summary>
    public void Run(CancellationToken cancellation = default)
    {
        for (int i = 0; i < _inputs.Length; i++)
            if (_inputs[i] is null) throw new InputException($"input '{_model.Inputs[i].Name}' is not bound", _model.Inputs[i].Name);
        for (int i = 0; i < _outputs.Length; i++)
            if (!_bound[i]) _outputs[i] = null;
        Run(_inputs, _outputs, cancellation);
    }

    /// <summary>Output <paramref name="name"/> of the last <see cref="Run(CancellationToken)"/>.</summary>
    public RuntimeValue Output(string name)
    {
        int o = IndexOf(_model.Outputs, name);
        return o >= 0 && _outputs[o] is { } v ? v : throw new InputException($"there is no output '{name}'", name);
    }

    /// <summary>
    /// Runs a model of one input and one output on spans. The shape is the declared one; one symbolic dimension is deduced from the
    /// length. The values are copied into buffers of the session's own.
    /// </summary>
    public void Run<TIn, TOut>(ReadOnlySpan<TIn> input, Span<TOut> output, CancellationToken cancellation = default) where TIn : unmanaged where TOut : unmanaged
    {
        if (_inputs.Length != 1 || _outputs.Length != 1) throw new InputException($"the model has {_inputs.Length} inputs and {_outputs.Length} outputs; this form takes one of each");
        if (_inputs[0] is not Tensor x || x.DType != DTypeOf<TIn>.Value || x.Shape.Elements != input.Length)
        {
            x = Tensor.Allocate(DTypeOf<TIn>.Value, InputCheck.ShapeFor(_model.Inputs[0], input.Length));
            Bind(_model.Inputs[0].Name, x);
            (_outputs[0], _bound[0]) = (null, false);
        }
        input.CopyTo(x.Span<TIn>());
        if (_outputs[0] is null) Run(cancellation);
        else Run(_inputs, _outputs, cancellation);
        if (_outputs[0] is not Tensor y) throw new InputException($"output '{_model.Outputs[0].Name}' is no tensor", _model.Outputs[0].Name);
        if (y.DType != DTypeOf<TOut>.Value || y.Shape.Elements != output.Length)
            throw new InputException($"output '{_model.Outputs[0].Name}' is {y}, the buffer given holds {output.Length} elements of {DTypeOf<TOut>.Value.Display()}", _model.Outputs[0].Name);
        y.Span<TOut>().CopyTo(output);
    }

    /// <summary>As <see cref="Run(IReadOnlyDictionary{string, RuntimeValue}, CancellationToken)"/>, on a thread of the pool of .NET.</summary>
    public Task<IReadOnlyDictionary<string, RuntimeValue>> RunAsync(IReadOnlyDictionary<string, RuntimeValue> inputs, CancellationToken cancellation = default) => Task.Run(() => Run(inputs, cancellation), cancellation);

    private void Enter()
    {
        if (!_gate.TryEnter()) throw new InvalidOperationException("this session is running already; create one session a caller");
        if (!_disposed) return;
        _gate.Exit();
        throw new ObjectDisposedException(nameof(Session));
    }

    private string Names() => string.Join(", ", _model.Inputs);

    private static int IndexOf(IReadOnlyList<ValueInfo> list, string name)
    {
        for (int i = 0; i < list.Count; i++)
            if (list[i].Name == name) return i;
        return -1;
    }

    /// <summary>Waits for a run to end, then gives memory and threads back.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _model.Budget.Release(_arenaBytes);
            if (_ownsWorkers) _workers.Dispose();
            _model.SessionEnded();
        }
    }
}
