using Engine.Tensors;

namespace Engine;

/// <summary>
/// The words of continual inference networks (Hedegaard and Iosifidis, "Continual Inference: A Library for Efficient Online Inference with Deep Neural Networks in PyTorch", 2022): <c>step</c> takes one
/// hop, <c>steps</c> a chunk, <c>forward</c> (<see cref="StreamModel.Forward"/>) a whole window or signal. For a model with a window, a step gives what forward gives of the newest window.
/// </summary>
public static class ContinualInference
{
    /// <summary>What <see cref="Steps"/> does with each result, which is valid until it returns.</summary>
    /// <typeparam name="T">Type of what it is given besides.</typeparam>
    public delegate void ResultAction<in T>(in StreamResult result, T state);

    /// <summary>
    /// One step: takes the samples of one hop; true with the first result that is due. False while the stream warms up: no window is full yet, or frames wait for later ones. Further outputs are read
    /// with <see cref="StreamSession.TryRead"/>. Throws <see cref="InputException"/> unless the samples are those of a hop and the hop before was complete, <see cref="InvalidOperationException"/> where
    /// results of earlier hops wait.
    /// </summary>
    public static bool Step(this StreamSession session, ReadOnlySpan<float> samples, out StreamResult result, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        int hop = session.Model.Plan.Hop;
        if (samples.Length != (long)hop * session.SampleElements || session.Pushed % hop != 0) throw new InputException($"{samples.Length} elements after {session.Pushed} samples; a step takes one hop of {hop} samples of {session.SampleElements}");
        if (session.TryRead(out _)) throw new InvalidOperationException("results of earlier hops wait to be read");
        session.Push(samples, cancellation);
        return session.TryRead(out result);
    }

    /// <summary>A chunk of samples, any number: every result that becomes due is given to <paramref name="each"/>, in order.</summary>
    /// <param name="session">The stream.</param>
    /// <param name="samples">Samples one after the other.</param>
    /// <param name="state">What <paramref name="each"/> is given besides: with it a static function allocates nothing.</param>
    /// <param name="each">Takes a result.</param>
    /// <param name="cancellation">Ends the chunk; see <see cref="StreamSession.Push(ReadOnlySpan{float}, CancellationToken)"/>.</param>
    public static void Steps<T>(this StreamSession session, ReadOnlySpan<float> samples, T state, ResultAction<T> each, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(each);
        do
        {
            while (session.TryRead(out var result)) each(result, state);
            samples = samples[(session.Push(samples, cancellation) * session.SampleElements)..];
        }
        while (samples.Length > 0);
        while (session.TryRead(out var result)) each(result, state);
    }

    /// <summary>
    /// How far the stream is from <c>forward</c> on the same window, once it has a past: the root of the mean squared difference of the first output that gives a result a window, over that of the
    /// window's result, on seeded noise of unit variance. Null where no output does. Layers with padding see the true past where a window by itself sees padding.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="windows">Windows of noise pushed; the last one is compared.</param>
    public static double? Deviation(this StreamModel model, int windows = 3)
    {
        ArgumentNullException.ThrowIfNull(model);
        var plan = model.Plan;
        int output = plan.Outputs.ToList().FindIndex(o => o.Pulse is null), window = plan.Options.Window;
        if (window == 0 || output < 0 || plan.Input.Type.DType != DType.F32) return null;
        using var session = model.CreateSession();
        var shape = plan.Input.Type.Shape.With(plan.Input.Axis, window);
        int outer = Checked.Int(shape.Product(0, plan.Input.Axis)), inner = Checked.Int(shape.Product(plan.Input.Axis + 1, shape.Rank)), samples = Checked.Int(Checked.Mul(windows, window) / plan.Hop * plan.Hop);
        float[] signal = Noise(Checked.Int(Checked.Mul(samples, session.SampleElements)));
        long last = -1;
        float[] values = [];
        void Keep(in StreamResult r)
        {
            if (r.Output == plan.Outputs[output] && r.Values.DType == DType.F32 && (r.Index + 1) * plan.Hop <= samples) (last, values) = (r.Index, r.Values.Span<float>().ToArray());
        }

        session.Steps(signal, 0, (in StreamResult r, int _) => Keep(r));
        bool finished;
        do
        {
            finished = session.Finish();
            while (session.TryRead(out var r)) Keep(r);
        }
        while (!finished);
        long end = (last + 1) * plan.Hop;
        if (last < 0 || end < window) return null;
        var x = Tensor.Allocate(DType.F32, shape);
        for (int t = 0; t < window; t++)
            for (int o = 0; o < outer; o++)
                signal.AsSpan(Checked.Int(((end - window + t) * outer + o) * inner), inner).CopyTo(x.Span<float>()[Checked.Int(((long)o * window + t) * inner)..]);
        return Difference(((Tensor)model.Forward(x)[output]).Span<float>(), values);
    }

    private static double? Difference(ReadOnlySpan<float> expected, ReadOnlySpan<float> values)
    {
        if (expected.Length != values.Length) return null;
        double error = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            error += Math.Pow((double)values[i] - expected[i], 2);
            norm += Math.Pow(expected[i], 2);
        }
        return error == 0 ? 0 : Math.Sqrt(error / norm);
    }

    private static float[] Noise(int count)
    {
        var random = new Random(1);
        var noise = new float[count];
        for (int i = 0; i < count; i++) noise[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return noise;
    }
}
