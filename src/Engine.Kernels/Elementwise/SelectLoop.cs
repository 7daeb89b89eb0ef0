namespace Engine.Kernels;

/// <summary>y = condition ? a : b with broadcasting; elements are moved, whatever they mean.</summary>
public static class SelectLoop
{
    /// <summary>Over the pool; operands of the plan: condition, a, b. y may be a or b of the same shape.</summary>
    public static unsafe void Run<T>(Workers workers, BroadcastPlan plan, ReadOnlySpan<byte> condition, ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) where T : unmanaged
    {
        fixed (byte* pc = condition)
        fixed (T* pa = a, pb = b, py = y)
            plan.ForRows(workers, new Rows<T>(pc, pa, pb, py, plan.InnerStride(0), plan.InnerStride(1), plan.InnerStride(2)));
    }

    private readonly unsafe struct Rows<T>(byte* condition, T* a, T* b, T* y, int stepC, int stepA, int stepB) : IRowBody where T : unmanaged
    {
        public void Row(ReadOnlySpan<long> operands, int to, int count)
        {
            byte* pc = condition + operands[0];
            T* pa = a + operands[1], pb = b + operands[2], py = y + to;
            for (int i = 0; i < count; i++, pc += stepC, pa += stepA, pb += stepB) py[i] = *pc != 0 ? *pa : *pb;
        }
    }
}
