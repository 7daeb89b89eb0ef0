using System.Numerics;
using Engine.Tensors;

namespace Engine.Runtime;

/// <summary>
/// Memory of values made beside the arena (data-dependent shapes, loop results): rented during a run and used again by the next one,
/// unless a result of the run lies in it. What a run makes beyond a bound is left to the garbage collector.
/// </summary>
internal sealed class SidePool
{
    private const long MaxBytes = 64L << 20;

    private readonly Dictionary<long, Stack<TensorStorage>> _free = [];
    private readonly List<TensorStorage> _rented = [];
    private long _bytes;

    /// <summary>A tensor of zeros.</summary>
    public Tensor Rent(DType dtype, Shape shape)
    {
        if (dtype == DType.String) return Tensor.Allocate(dtype, shape);
        long bytes = dtype.ByteCount(shape.Elements);
        if (bytes > MaxBytes) return Tensor.Allocate(dtype, shape);
        long size = (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, ArenaPlanner.Alignment));
        Tensor t;
        if (_free.TryGetValue(size, out var free) && free.TryPop(out var storage))
        {
            t = new Tensor(dtype, shape, storage);
            t.Bytes.Clear();
        }
        else
        {
            if (_bytes + size > MaxBytes) return Tensor.Allocate(dtype, shape);
            _bytes += size;
            storage = TensorStorage.Allocate(size);
            t = new Tensor(dtype, shape, storage);
        }
        _rented.Add(storage);
        return t;
    }

    /// <summary>Ends a run: what no result holds may be rented again.</summary>
    public void Reclaim(ReadOnlySpan<RuntimeValue?> results)
    {
        if (_rented.Count == 0) return;
        var held = new HashSet<TensorStorage>();
        foreach (var r in results) Hold(r, held);
        foreach (var s in _rented)
        {
            if (held.Contains(s)) _bytes -= s.Length;
            else (_free.TryGetValue(s.Length, out var free) ? free : _free[s.Length] = []).Push(s);
        }
        _rented.Clear();
    }

    /// <summary>Forgets what a run that failed had rented: nobody knows who still holds it.</summary>
    public void Abandon()
    {
        foreach (var s in _rented) _bytes -= s.Length;
        _rented.Clear();
    }

    private static void Hold(RuntimeValue? value, HashSet<TensorStorage> held)
    {
        if (value is Tensor { Storage: { } s }) held.Add(s);
        else if (value is TensorSequence q)
            foreach (var item in q.Items) Hold(item, held);
    }
}
