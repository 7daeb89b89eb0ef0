using System.Diagnostics.Tracing;
using Engine.Runtime;
using Engine.Tensors;
using Microsoft.Extensions.Logging;

namespace Engine.Tests;

public class ModelTests
{
    private static readonly string s_mlp = Path.Combine(Repository.Root, "bench", "models", "fashion-mlp", "model.onnx");

    [Fact]
    public void Loads_alike_from_path_stream_and_memory()
    {
        using var fromPath = Model.Load(s_mlp);
        using var stream = File.OpenRead(s_mlp);
        using var fromStream = Model.Load(stream);
        using var fromMemory = Model.Load(File.ReadAllBytes(s_mlp));
        var inputs = Repository.Inputs(s_mlp, fromPath);
        var results = new[] { fromPath, fromStream, fromMemory }.Select(m =>
        {
            using var session = m.CreateSession();
            var outputs = new RuntimeValue?[1];
            session.Run(inputs, outputs);
            return ((Tensor)outputs[0]!).Bytes.ToArray();
        }).ToArray();
        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    [Fact]
    public void Free_dimensions_are_bound_by_name()
    {
        using var any = Model.Load(s_mlp);
        Assert.Null(any.Inputs[0].StaticShape);
        using var one = Model.Load(s_mlp, new ModelOptions { FreeDimensions = new Dictionary<string, long> { ["N"] = 1 } });
        Assert.Equal(1, one.Inputs[0].StaticShape!.Value[0]);
        using var session = one.CreateSession();
        var wrong = Tensor.Allocate(DType.F32, one.Inputs[0].StaticShape!.Value.With(0, 2));
        Assert.Throws<InputException>(() => session.Run(new Dictionary<string, RuntimeValue> { [one.Inputs[0].Name] = wrong }));
    }

    [Fact]
    public void Loading_and_planning_are_logged_and_traced()
    {
        var log = new ListLogger();
        using var events = new ListListener();
        using var model = Model.Load(s_mlp, new ModelOptions { Logger = log });
        using var session = model.CreateSession();
        session.Run(Repository.Inputs(s_mlp, model), new RuntimeValue?[1]);
        Assert.Contains(log.Lines, l => l.Contains("Loaded", StringComparison.Ordinal) && l.Contains(s_mlp, StringComparison.Ordinal));
        Assert.Contains(log.Lines, l => l.Contains("Planned", StringComparison.Ordinal));
        lock (events.Names)
        {
            Assert.Contains("ModelLoaded", events.Names);
            Assert.Contains("Planned", events.Names);
        }
    }

    [Fact]
    public void A_disposed_model_starts_no_session_but_lets_running_ones_end()
    {
        var model = Model.Load(s_mlp);
        var inputs = Repository.Inputs(s_mlp, model);
        var session = model.CreateSession();
        model.Dispose();
        session.Run(inputs, new RuntimeValue?[1]);
        Assert.Throws<ObjectDisposedException>(() => model.CreateSession());
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Run(inputs, new RuntimeValue?[1]));
    }

    [Fact]
    public void A_missing_file_and_text_are_typed_errors_that_name_the_file()
    {
        Assert.Contains("no-such.onnx", Assert.Throws<InvalidModelException>(() => Model.Load("no-such.onnx")).Message, StringComparison.Ordinal);
        string readme = Path.Combine(Repository.Root, "README.md");
        Assert.Equal(readme, Assert.Throws<InvalidModelException>(() => Model.Load(readme)).File);
    }

    private sealed class ListLogger : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }

    private sealed class ListListener : EventListener
    {
        public List<string> Names { get; } = [];

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == "Engine") EnableEvents(eventSource, EventLevel.Informational);
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            lock (Names) Names.Add(eventData.EventName ?? "");
        }
    }
}
