using Engine.Kernels;

namespace Engine.Cpu;

/// <summary>One sequence's operands at one step. X holds the input's part of all gates (biases added) and is overwritten.</summary>
internal readonly unsafe struct CellRow(float* x, float* recurrent, float* h, float* c, float* reset)
{
    /// <summary>X·W + b, then the gates.</summary>
    public readonly float* X = x;

    /// <summary>H·R.</summary>
    public readonly float* Recurrent = recurrent;

    /// <summary>Hidden state.</summary>
    public readonly float* H = h;

    /// <summary>Cell state.</summary>
    public readonly float* C = c;

    /// <summary>Reset hidden state, input of the second product.</summary>
    public readonly float* Reset = reset;
}

/// <summary>The elementwise part of a recurrent step.</summary>
internal abstract unsafe class RecurrentCell(int hidden, float? clip)
{
    /// <summary>Neurons.</summary>
    protected int Hidden { get; } = hidden;

    /// <summary>Gates whose recurrent product is taken after <see cref="First"/>, from the reset state.</summary>
    public virtual int LateGates => 0;

    /// <summary>What follows the first product; <paramref name="extra"/> is what the cell asked for: a recurrent bias or peepholes, null when absent.</summary>
    public abstract void First(in CellRow row, float* extra);

    /// <summary>What follows the second product.</summary>
    public virtual void Second(in CellRow row) { }

    /// <summary>f(x + y [+ p · q]) in place of x.</summary>
    protected void Gate(Activation f, float* x, float* y, float* p = null, float* q = null)
    {
        if (p != null) for (int i = 0; i < Hidden; i++) x[i] += p[i] * q[i];
        for (int i = 0; i < Hidden; i++) x[i] += y[i];
        Activate(f, x);
    }

    /// <summary>f(x), bounded first.</summary>
    protected void Activate(Activation f, float* x)
    {
        var s = new Span<float>(x, Hidden);
        if (clip is { } bound) Activation.Clip(-bound, bound).Apply(s);
        f.Apply(s);
    }
}

/// <summary>H = f(x + H·R).</summary>
internal sealed unsafe class RnnCell(int hidden, float? clip, Activation f) : RecurrentCell(hidden, clip)
{
    public override void First(in CellRow row, float* extra)
    {
        Gate(f, row.X, row.Recurrent);
        new Span<float>(row.X, Hidden).CopyTo(new(row.H, Hidden));
    }
}

/// <summary>H = (1 − z)·g(hidden) + z·H, the reset applied after the product.</summary>
internal sealed unsafe class GruCell(int hidden, float? clip, Activation f, Activation g) : RecurrentCell(hidden, clip)
{
    public override void First(in CellRow row, float* extra)
    {
        float* z = row.X, r = z + Hidden, n = r + Hidden, product = row.Recurrent + 2 * Hidden;
        Gate(f, z, row.Recurrent);
        Gate(f, r, row.Recurrent + Hidden);
        for (int i = 0; i < Hidden; i++) n[i] += r[i] * (product[i] + (extra == null ? 0 : extra[i]));
        Activate(g, n);
        Blend(row.H, z, n, Hidden);
    }

    /// <summary>h ← (1 − z)·n + z·h.</summary>
    public static void Blend(float* h, float* z, float* n, int hidden)
    {
        for (int i = 0; i < hidden; i++) h[i] = (1 - z[i]) * n[i] + z[i] * h[i];
    }
}

/// <summary>The same with the reset applied to the state, before the hidden gate's product.</summary>
internal sealed unsafe class GruResetFirstCell(int hidden, float? clip, Activation f, Activation g) : RecurrentCell(hidden, clip)
{
    public override int LateGates => 1;

    public override void First(in CellRow row, float* extra)
    {
        float* r = row.X + Hidden;
        Gate(f, row.X, row.Recurrent);
        Gate(f, r, row.Recurrent + Hidden);
        for (int i = 0; i < Hidden; i++) row.Reset[i] = r[i] * row.H[i];
    }

    public override void Second(in CellRow row)
    {
        float* n = row.X + 2 * Hidden;
        Gate(g, n, row.Recurrent + 2 * Hidden);
        GruCell.Blend(row.H, row.X, n, Hidden);
    }
}

/// <summary>C = f·C + i·g(cell), H = o·h(C); extra holds the peepholes.</summary>
internal sealed unsafe class LstmCell(int hidden, float? clip, Activation f, Activation g, Activation h, bool inputForget) : RecurrentCell(hidden, clip)
{
    public override void First(in CellRow row, float* extra)
    {
        float* i = row.X, o = i + Hidden, forget = o + Hidden, cell = forget + Hidden, r = row.Recurrent, c = row.C;
        Gate(f, i, r, extra, c);
        if (inputForget) for (int k = 0; k < Hidden; k++) forget[k] = 1 - i[k];
        else Gate(f, forget, r + 2 * Hidden, extra == null ? null : extra + 2 * Hidden, c);
        Gate(g, cell, r + 3 * Hidden);
        for (int k = 0; k < Hidden; k++) c[k] = forget[k] * c[k] + i[k] * cell[k];
        Gate(f, o, r + Hidden, extra == null ? null : extra + Hidden, c);
        h.Apply(new ReadOnlySpan<float>(c, Hidden), new Span<float>(row.H, Hidden));
        for (int k = 0; k < Hidden; k++) row.H[k] *= o[k];
    }
}
