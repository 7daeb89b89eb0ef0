using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Engine;

/// <summary>Streams between asynchronous sources and sinks of f32 samples.</summary>
public static class StreamAdapters
{
    /// <summary>Pushes chunks as they come and gives results as they become due; at the end of the chunks the signal ends. No more samples are taken while a result waits to be taken.</summary>
    public static async IAsyncEnumerable<StreamFrames> RunAsync(this StreamSession session, IAsyncEnumerable<ReadOnlyMemory<float>> chunks, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(chunks);
        await foreach (var chunk in chunks.WithCancellation(cancellation).ConfigureAwait(false))
            for (int taken = 0; taken < chunk.Length;)
            {
                taken += session.Push(chunk.Span[taken..], cancellation) * session.SampleElements;
                while (session.TryRead(out var r)) yield return StreamFrames.Of(r);
            }
        bool finished;
        do
        {
            finished = session.Finish(cancellation);
            while (session.TryRead(out var r)) yield return StreamFrames.Of(r);
        }
        while (!finished);
    }

    /// <summary>
    /// Runs a stream from one channel to another until the first is completed, then completes the second, with the error where one ended the run. A bounded writer that is full holds the stream back,
    /// and the stream, through a bounded reader, what feeds it.
    /// </summary>
    public static async Task PipeAsync(this StreamSession session, ChannelReader<ReadOnlyMemory<float>> from, ChannelWriter<StreamFrames> to, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        try
        {
            await foreach (var frames in session.RunAsync(from.ReadAllAsync(cancellation), cancellation).ConfigureAwait(false)) await to.WriteAsync(frames, cancellation).ConfigureAwait(false);
            to.Complete();
        }
        catch (Exception e)
        {
            to.TryComplete(e);
            throw;
        }
    }
}
