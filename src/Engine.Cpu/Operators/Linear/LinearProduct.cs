using Engine.Kernels;
using Engine.Runtime;
using Engine.Tensors;

namespace Engine.Cpu;

/// <summary>The constant operand of y = x · W: the first inputs and outputs of a stored matrix.</summary>
/// <param name="Weight">[outputs, inputs], or [inputs, outputs] where transposed; of two axes.</param>
/// <param name="IsTransposed">True where the elements of a sum do not lie side by side.</param>
/// <param name="Inputs">Length of the sums; at most what is stored.</param>
/// <param name="Outputs">Columns of y; at most what is stored.</param>
internal sealed record LinearMatrix(Weight Weight, bool IsTransposed, int Inputs, int Outputs)
{
    /// <summary>Inputs that are stored.</summary>
    public int StoredInputs => Weight.Shape.Int(IsTransposed ? 0 : 1);

    /// <summary>Outputs that are stored.</summary>
    public int StoredOutputs => Weight.Shape.Int(IsTransposed ? 1 : 0);
}

/// <summary>Rows of activations and of results.</summary>
/// <param name="X">The first activation.</param>
/// <param name="RowStride">Floats from a row of x to the next.</param>
/// <param name="ColumnStride">Floats from a column of x to the next.</param>
/// <param name="Y">The first result; rows are contiguous.</param>
/// <param name="Stride">Floats from a row of y to the next.</param>
/// <param name="Epilogue">What follows the product.</param>
internal readonly unsafe record struct LinearRows(nint X, nint RowStride, nint ColumnStride, nint Y, nint Stride, LinearEpilogue Epilogue)
{
    /// <summary>Some rows further on.</summary>
    public LinearRows From(int row) => row == 0 ? this : this with { X = X + row * RowStride * sizeof(float), Y = Y + row * Stride * sizeof(float), Epilogue = Epilogue.FromRow(row) };
}

/// <summary>A bound product: <paramref name="rows"/> rows, with <paramref name="work"/> bytes as its product asked for. All that it writes it writes in loops of <paramref name="workers"/>.</summary>
internal unsafe delegate void LinearFn(Workers workers, int rows, in LinearRows io, byte* work);

/// <summary>One way to multiply rows of f32 by a constant matrix in some form. Products are made of products: a form inside a form needs no kernel of its own.</summary>
/// <param name="Stem">Name of the kernel.</param>
/// <param name="IsExact">False where activations are rounded.</param>
internal abstract record LinearProduct(string Stem, bool IsExact)
{
    /// <summary>False where columns of x must lie side by side.</summary>
    public virtual bool TakesStrides => false;

    /// <summary>True where the weight is expanded to its zeros.</summary>
    public bool IsDense { get; init; }

    /// <summary>Estimated nanoseconds on one core.</summary>
    public abstract double Nanoseconds(int rows);

    /// <summary>Bytes of workspace, at an address that is a multiple of 64.</summary>
    public abstract long WorkBytes(int rows);

    /// <summary>Packs parts of operand <paramref name="input"/>.</summary>
    public abstract LinearFn Bind(BindContext b, int input);
}
