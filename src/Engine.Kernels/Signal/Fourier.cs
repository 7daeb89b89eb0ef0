using System.Numerics;

namespace Engine.Kernels;

/// <summary>
/// Discrete Fourier transforms of one length, in binary64: X[k] = Σn x[n]·e^(∓2πi·kn/N), by radix 2 where N is a power of two, else by
/// Bluestein's chirp convolution over the next power of two. The inverse divides by N.
/// </summary>
public sealed class Fourier
{
    private readonly int _padded;
    private readonly Complex[] _roots;
    private readonly Complex[] _chirp = [], _filter = [];

    /// <summary>Prepares transforms of <paramref name="length"/> points.</summary>
    public Fourier(int length)
    {
        Length = length;
        bool direct = length > 0 && BitOperations.IsPow2(length);
        _padded = direct ? length : length == 0 ? 0 : Tensors.Checked.Int((long)BitOperations.RoundUpToPowerOf2((uint)(2L * length - 1)));
        _roots = new Complex[_padded / 2];
        for (int i = 0; i < _roots.Length; i++) _roots[i] = Root(i, _padded);
        if (direct || length == 0) return;
        // kn = (k² + n² − (k − n)²) / 2 makes the sum a convolution with e^(πi·n²/N).
        _chirp = new Complex[length];
        for (int i = 0; i < length; i++) _chirp[i] = Root((long)i * i % (2L * length), 2L * length);
        _filter = new Complex[_padded];
        for (int i = 0; i < length; i++) _filter[i] = _filter[(_padded - i) % _padded] = Complex.Conjugate(_chirp[i]);
        Radix2(_filter, false);
    }

    /// <summary>Points of a transform.</summary>
    public int Length { get; }

    /// <summary>Complex numbers that <see cref="Run"/> needs.</summary>
    public int Scratch => _padded;

    private static Complex Root(long i, long n)
    {
        var (sin, cos) = Math.SinCos(-2 * Math.PI * i / n);
        return new(cos, sin);
    }

    /// <summary>Transforms the first <see cref="Length"/> numbers of <paramref name="x"/> in place; x has room for <see cref="Scratch"/>.</summary>
    public void Run(Span<Complex> x, bool inverse)
    {
        int n = Length;
        if (inverse) for (int i = 0; i < n; i++) x[i] = Complex.Conjugate(x[i]);
        if (_padded == n) Radix2(x[..n], false);
        else
        {
            x = x[.._padded];
            x[n..].Clear();
            for (int i = 0; i < n; i++) x[i] *= _chirp[i];
            Radix2(x, false);
            for (int i = 0; i < x.Length; i++) x[i] *= _filter[i];
            Radix2(x, true);
            for (int i = 0; i < n; i++) x[i] *= _chirp[i] / _padded;
        }
        if (inverse) for (int i = 0; i < n; i++) x[i] = Complex.Conjugate(x[i]) / n;
    }

    private void Radix2(Span<Complex> x, bool inverse)
    {
        int n = x.Length;
        for (int i = 1, j = 0; i < n; i++)
        {
            int bit = n >> 1;
            for (; (j & bit) != 0; bit >>= 1) j ^= bit;
            j ^= bit;
            if (i < j) (x[i], x[j]) = (x[j], x[i]);
        }
        for (int half = 1; half < n; half *= 2)
        {
            int step = _padded / (2 * half);
            for (int start = 0; start < n; start += 2 * half)
                for (int k = 0; k < half; k++)
                {
                    var w = inverse ? Complex.Conjugate(_roots[k * step]) : _roots[k * step];
                    var odd = w * x[start + half + k];
                    x[start + half + k] = x[start + k] - odd;
                    x[start + k] += odd;
                }
        }
    }
}
