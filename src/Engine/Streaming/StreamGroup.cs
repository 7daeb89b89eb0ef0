using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine;

/// <summary>
/// Streams of one model that run together: a step runs a hop of each that has one, in batches where the model's batch axis can be widened, on all threads. Streams come and go without an effect on the
/// others. For one caller at a time. After the first steps it allocates nothing.
/// </summary>
public sealed class StreamGroup : IDisposable
{
    private readonly StreamModel _model;
    private readonly StreamGroupOptions _options;
    private readonly Workers _workers;
    private readonly HopRunner[] _lone;
    private readonly BatchRunner[] _batches;
    private readonly List<StreamSlot> _slots = [];
    private LiveStream[] _due = [];
    private int _dueCount, _wideJobs, _jobs;

    internal StreamGroup(StreamModel model, StreamGroupOptions options)
    {
        if (options.Width < 1) throw new InputException($"a batch of {options.Width} streams; expected at least 1");
        (_model, _options) = (model, options);
        _workers = options.Session.Pool ?? new Workers(options.Session.Threads, options.Session.SpinMicroseconds, options.Session.Affinity);
        var session = options.Session with { Threads = 1, Pool = Workers.Single };
        (_lone, _batches) = (new HopRunner[_workers.Threads], []);
        try
        {
            for (int i = 0; i < _lone.Length; i++) _lone[i] = new HopRunner(model.Hop, model.Plan, session);
            string reason = "batches of one were asked for";
            var wide = options.Width > 1 ? model.Wide(options.Width, out reason) : null;
            NotBatched = reason;
            if (wide is not null)
            {
                _batches = new BatchRunner[_lone.Length];
                for (int i = 0; i < _batches.Length; i++) _batches[i] = wide.CreateRunner(session, _lone[i]);
                HasSameBits = wide.HasSameBits;
            }
            else HasSameBits = true;
            Layouts = _batches.Length > 0 ? _batches[0].Layouts : _lone[0].Layouts;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Streams in the group.</summary>
    public int Count => _slots.Count;

    /// <summary>Streams of a batch; 1 where each runs by itself.</summary>
    public int Width => _batches.Length > 0 ? _options.Width : 1;

    /// <summary>Why streams run one by one; empty where they run in batches.</summary>
    public string NotBatched { get; }

    /// <summary>True when results are those of a <see cref="StreamSession"/> bit for bit, as far as a trial with noise can tell; otherwise they agree to 1e-5 of the largest, whatever the other streams do.</summary>
    public bool HasSameBits { get; }

    /// <summary>Bytes that the streams use together: arenas, and batches of states.</summary>
    public long SharedBytes => _lone.Sum(r => r?.Bytes ?? 0) + _batches.Sum(r => r?.Bytes ?? 0);

    internal StateLayout[] Layouts { get; }

    internal KernelRegistry Kernels => _model.Hop.Options.Kernels;

    /// <summary>A new stream.</summary>
    public StreamSlot Add()
    {
        var slot = new StreamSlot(this, new LiveStream(_model.Plan, _options.Queue, _options.Backlog));
        _slots.Add(slot);
        if (_due.Length < _slots.Count) Array.Resize(ref _due, Math.Max(_slots.Count, 2 * _due.Length));
        return slot;
    }

    internal void Remove(StreamSlot slot) => _slots.Remove(slot);

    /// <summary>
    /// Runs one hop of every stream that has its samples, or has ended with results still due, and has room for its results; returns how many. After an error or a cancellation some streams have run theirs and the
    /// others have not; one whose hop was broken off says so until it is reset or restored.
    /// </summary>
    public int Step(CancellationToken cancellation = default)
    {
        _dueCount = 0;
        foreach (var s in _slots)
            if (s.Stream.IsDue)
                _due[_dueCount++] = s.Stream;
        if (_dueCount == 0) return 0;
        int rest = _dueCount;
        if (_batches.Length > 0)
        {
            (_wideJobs, rest) = Math.DivRem(_dueCount, _options.Width);
            // A batch that is not full costs as much as a full one. Alone where that is cheaper, and no bit changes by it.
            if (rest > 0 && !(HasSameBits && 2 * rest <= _options.Width)) (_wideJobs, rest) = (_wideJobs + 1, 0);
        }
        _jobs = _wideJobs + rest;
        _workers.For(_lone.Length, 1, new Part(this, cancellation));
        return _dueCount;
    }

    private readonly struct Part(StreamGroup group, CancellationToken cancellation) : IParallelBody
    {
        public void Run(int start, int end)
        {
            for (int thread = start; thread < end; thread++) group.Run(thread, cancellation);
        }
    }

    private void Run(int thread, CancellationToken cancellation)
    {
        int width = _options.Width;
        for (int j = thread; j < _jobs; j += _lone.Length)
            if (j < _wideJobs) _batches[thread].Run(_due.AsSpan(j * width, Math.Min(width, _dueCount - j * width)), cancellation);
            else _lone[thread].Run(_due[_wideJobs * width + j - _wideJobs], cancellation);
    }

    /// <summary>Gives memory and threads back.</summary>
    public void Dispose()
    {
        foreach (var r in _lone) r?.Dispose();
        foreach (var r in _batches) r?.Dispose();
        if (_options.Session.Pool is null) _workers.Dispose();
    }
}
