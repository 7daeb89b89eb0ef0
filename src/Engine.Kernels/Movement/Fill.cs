namespace Engine.Kernels;

/// <summary>One value repeated.</summary>
public static unsafe class Fill
{
    /// <summary>Sets <paramref name="count"/> elements.</summary>
    public static void Run<T>(Workers workers, T* y, int count, T value) where T : unmanaged => workers.For(count, 65536 / sizeof(T), new Body<T>(y, value));

    private readonly struct Body<T>(T* y, T value) : IParallelBody where T : unmanaged
    {
        public void Run(int start, int end) => new Span<T>(y + start, end - start).Fill(value);
    }
}
