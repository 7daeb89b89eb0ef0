using System.Diagnostics.CodeAnalysis;

namespace Engine.Kernels;

/// <summary>
/// Up to four elementwise steps on finished outputs while they lie in cache: an activation, or the addition of a tensor stored like
/// the output.
/// </summary>
public unsafe struct StoreEpilogue
{
    /// <summary>Most steps it holds.</summary>
    public const int MaxSteps = 4;

    private Step _s0, _s1, _s2, _s3;

    /// <summary>Number of steps.</summary>
    public int Count { readonly get; private set; }

    /// <summary>Adds an activation.</summary>
    public void Add(Activation a) => Slot(Count++) = new Step { Activation = a };

    /// <summary>Adds the addition of a tensor stored like the output.</summary>
    public void Add(float* operand) => Slot(Count++) = new Step { Operand = operand };

    /// <summary>Applies the steps to outputs that start at element <paramref name="offset"/> of the output tensor.</summary>
    public readonly void Apply(nint offset, Span<float> y)
    {
        for (int i = 0; i < Count; i++)
        {
            var s = i switch { 0 => _s0, 1 => _s1, 2 => _s2, _ => _s3 };
            if (s.Operand is null) s.Activation.Apply(y);
            else BinaryLoop.Simd(default(AddOp), y, new ReadOnlySpan<float>(s.Operand + offset, y.Length), y);
        }
    }

    /// <summary>The steps as one <see cref="StoreTail"/>, which kernels apply in registers: at most an addition, then at most a bound. False where there is more to do.</summary>
    public readonly bool TryTail(out StoreTail tail)
    {
        tail = StoreTail.None;
        int i = 0;
        if (Count > 0 && _s0.Operand is not null)
        {
            tail.Plus = _s0.Operand;
            i = 1;
        }
        if (Count > i)
        {
            var a = i == 0 ? _s0 : _s1;
            if (a.Operand is not null) return false;
            switch (a.Activation.Kind)
            {
                case ActivationKind.None: break;
                case ActivationKind.Relu: tail.Low = 0; break;
                case ActivationKind.Clip when a.Activation.P0 <= a.Activation.P1: (tail.Low, tail.High) = (a.Activation.P0, a.Activation.P1); break;
                default: return false;
            }
            i++;
        }
        return i == Count;
    }

    [UnscopedRef]
    private ref Step Slot(int i)
    {
        switch (i)
        {
            case 0: return ref _s0;
            case 1: return ref _s1;
            case 2: return ref _s2;
            case 3: return ref _s3;
            default: throw new ArgumentOutOfRangeException(nameof(i));
        }
    }

    private struct Step
    {
        public Activation Activation;
        public float* Operand;
    }
}

/// <summary>y ← min(max(y + Plus, Low), High), NaN kept: what most epilogues of convolutions come to.</summary>
public unsafe struct StoreTail
{
    /// <summary>A tensor stored like the output, or null.</summary>
    public float* Plus;

    /// <summary>Bounds; infinite where there is none.</summary>
    public float Low, High;

    /// <summary>Nothing to do.</summary>
    public static StoreTail None => new() { Low = float.NegativeInfinity, High = float.PositiveInfinity };

    /// <summary>The tail of outputs that start <paramref name="elements"/> further.</summary>
    public readonly StoreTail From(nint elements) => this with { Plus = Plus is null ? null : Plus + elements };
}
