using Engine.Graph;
using Engine.Runtime;
using Engine.Streaming;
using Engine.Tensors;

namespace Engine;

/// <summary>
/// A model of whole signals or windows that does only the work of new samples: immutable, safe for concurrent use. Each <see cref="StreamSession"/> runs one stream over it; a stream takes no more
/// memory than what its layers keep from hop to hop.
/// </summary>
public sealed class StreamModel : IDisposable
{
    private readonly Model _whole;
    private readonly Dictionary<int, (WideHop? Hop, string Reason)> _wide = [];
    private readonly Lock _forward = new(), _gate = new();
    private Session? _wholeSession;
    private bool _disposed;

    private StreamModel(Model whole, Model hop, StreamPlan plan) => (_whole, Hop, Plan) = (whole, hop, plan);

    /// <summary>The model of one hop: new samples and states in, results and states out.</summary>
    public Model Hop { get; }

    /// <summary>What a hop takes and gives, what lives between hops, and what became of every layer.</summary>
    public StreamPlan Plan { get; }

    /// <summary>
    /// Loads a file for streaming. Throws what <see cref="Model.Load(string, ModelOptions?)"/> does, <see cref="UnsupportedException"/> with the layer's name and the reason where one cannot run on a
    /// stream, and <see cref="InputException"/> where the options do not fit the model.
    /// </summary>
    public static StreamModel Load(string path, StreamOptions options, ModelOptions? modelOptions = null) => Of(Model.Load(path, modelOptions), options);

    /// <summary>Takes a graph built in code, which must not be used otherwise from then on.</summary>
    public static StreamModel Create(ModelDefinition definition, StreamOptions options, ModelOptions? modelOptions = null) => Of(Model.Create(definition, modelOptions), options);

    // The hop's model takes over the files of the whole one.
    private static StreamModel Of(Model whole, StreamOptions options)
    {
        var d = whole.Definition;
        try
        {
            var plan = StreamTransform.Run(d.Graph, options, new NodeEvaluator(whole.Options.Kernels));
            var hop = new ModelDefinition(plan.Graph) { Source = d.Source, Metadata = d.Metadata, Opsets = d.Opsets, Packed = d.Packed, IsRewritten = true, Resources = d.Resources };
            return new(whole, Model.Create(hop, whole.Options), plan);
        }
        catch
        {
            whole.Dispose();
            throw;
        }
    }

    /// <summary>A new stream. Throws <see cref="ObjectDisposedException"/> after <see cref="Dispose"/>.</summary>
    public StreamSession CreateSession(StreamSessionOptions? options = null) => new(this, options ?? new());

    /// <summary>
    /// The model on a whole window or signal, as it was loaded: what a stream computes step by step. For one caller at a time; the others wait. Throws <see cref="InputException"/> where the input does
    /// not fit or states of outputs would be needed, <see cref="ObjectDisposedException"/> after <see cref="Dispose"/>.
    /// </summary>
    /// <param name="x">The streamed input; constants are those of the options.</param>
    /// <param name="cancellation">Ends the run.</param>
    /// <returns>The model's outputs in their order.</returns>
    public IReadOnlyList<RuntimeValue> Forward(Tensor x, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (Plan.Options.Feedback.Count > 0) throw new InputException("the model takes states of outputs besides its stream");
        var inputs = _whole.Inputs.Select(v => Plan.Options.Constants.TryGetValue(v.Name, out var constant) ? StreamTransform.Constant(constant, v.Type) : x).ToArray<RuntimeValue>();
        var outputs = new RuntimeValue?[_whole.Outputs.Count];
        lock (_forward)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            (_wholeSession ??= _whole.CreateSession()).Run(inputs, outputs, cancellation);
        }
        return outputs!;
    }

    /// <summary>Streams that run together. Throws as <see cref="CreateSession"/> does.</summary>
    public StreamGroup CreateGroup(StreamGroupOptions? options = null) => new(this, options ?? new());

    /// <summary>The hop of several streams, made when it is first asked for; null, and why, where there is none.</summary>
    internal WideHop? Wide(int width, out string reason)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_wide.TryGetValue(width, out var known))
            {
                try
                {
                    known = (new WideHop(Hop, Plan, _whole.Definition, width), "");
                }
                catch (EngineException e)
                {
                    known = (null, e.Message);
                }
                _wide[width] = known;
            }
            reason = known.Reason;
            return known.Hop;
        }
    }

    /// <summary>Lets no new stream start; files are closed when the last one is disposed.</summary>
    public void Dispose()
    {
        lock (_forward)
        {
            _disposed = true;
            _wholeSession?.Dispose();
            _wholeSession = null;
        }
        lock (_gate)
        {
            foreach (var (hop, _) in _wide.Values) hop?.Dispose();
        }
        Hop.Dispose();
    }
}
