namespace Engine.Kernels;

/// <summary>
/// One time step of a recurrent layer for all sequences of a batch. Rows of an operand are as many floats apart as its Row field says; the
/// gates of a row follow each other, <see cref="Hidden"/> floats each.
/// </summary>
public unsafe struct RecurrentStep
{
    /// <summary>Recurrent weights, and those of <see cref="Input"/>, packed by <see cref="RecurrentF32.Pack"/>.</summary>
    public float* Weights, InputWeights;

    /// <summary>Neurons, sequences, length of an input.</summary>
    public int Hidden, Rows, InputLength;

    /// <summary>The input's part of the gates, biases added; the biases alone where <see cref="Input"/> is there.</summary>
    public float* X;

    /// <summary>The input itself, to be multiplied in the same pass (LSTM only), or null.</summary>
    public float* Input;

    /// <summary>State before and after; not the same memory.</summary>
    public float* H, Next;

    /// <summary>Cell state of an LSTM, overwritten; rows are <see cref="Hidden"/> apart.</summary>
    public float* C;

    /// <summary>GRU: bias of the hidden gate's recurrent part, or null.</summary>
    public float* Extra;

    /// <summary>Floats from a row to the next.</summary>
    public nint XRow, InputRow, HRow, NextRow;
}
