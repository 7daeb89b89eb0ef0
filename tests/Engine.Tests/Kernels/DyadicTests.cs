using System.Numerics;
using Engine.Kernels;

namespace Engine.Tests;

/// <summary>Dyadic requantization against exact integers, and how far it is from the factor that it stands for.</summary>
public sealed unsafe class DyadicTests
{
    [Theory]
    [InlineData(0.5, 1 << 30, 31)]
    [InlineData(1, 1 << 30, 30)]
    [InlineData(-0.75, -1610612736, 31)]
    [InlineData(0.99999999999, 1 << 30, 30)]
    [InlineData(1e-12, 0, 1)]
    [InlineData(double.NaN, 0, 1)]
    [InlineData(double.PositiveInfinity, 1 << 30, 1)]
    public void A_factor_has_31_bits_and_a_shift(double factor, int multiplier, int shift) => Assert.Equal((multiplier, shift), Dyadic.Of(factor));

    [Fact]
    public void A_factor_is_met_within_31_bits()
    {
        var random = new Random(1);
        for (int i = 0; i < 10_000; i++)
        {
            double factor = Math.Pow(2, random.NextDouble() * 60 - 31);
            var (m, s) = Dyadic.Of(factor);
            Assert.InRange(s, 1, 62);
            Assert.InRange(m, 1 << 30, int.MaxValue);
            Assert.InRange(Math.ScaleB(m, -s) / factor, 1 - 1.0 / (1L << 31), 1 + 1.0 / (1L << 31));
        }
    }

    [Fact]
    public void Codes_are_exact_quotients_rounded_half_up()
    {
        var random = new Random(2);
        for (int i = 0; i < 10_000; i++)
        {
            int sum = random.Next(2) == 0 ? random.Next(-100_000, 100_000) : random.Next(int.MinValue, int.MaxValue), zero = random.Next(256);
            var (m, s) = Dyadic.Of(random.Next(3) == 0 ? Math.Pow(2, random.Next(-20, 3)) : random.NextDouble() * 0.01);
            byte code;
            RequantizeDyadic.Table.Reference(&sum, 1, 1, 1, new(&m, &s, zero, 0, 255), &code, 1);
            var product = 2 * (BigInteger)sum * m + (BigInteger.One << s);
            var quotient = BigInteger.Divide(product - (product.Sign < 0 ? (BigInteger.One << (s + 1)) - 1 : 0), BigInteger.One << (s + 1));
            Assert.Equal((byte)BigInteger.Min(255, BigInteger.Max(0, quotient + zero)), code);
        }
    }

    [Fact]
    public void A_sum_of_branches_is_near_the_sum_of_their_values()
    {
        var random = new Random(3);
        for (int i = 0; i < 10_000; i++)
        {
            double ra = random.NextDouble() * 2, rb = random.NextDouble() * 2;
            int za = random.Next(256), zb = random.Next(256), zero = random.Next(256);
            Assert.True(AddDyadic.Grids.TryOf(ra, za, rb, zb, zero, 0, 255, out var grids));
            byte a = (byte)random.Next(256), b = (byte)random.Next(256), y;
            AddDyadic.Table.Reference(&a, &b, &y, 1, grids);
            Assert.InRange(y - Math.Clamp((a - za) * ra + (b - zb) * rb + zero, 0, 255), -0.501, 0.501);
        }
        Assert.False(AddDyadic.Grids.TryOf(1e9, 0, 1, 0, 0, 0, 255, out _));
        Assert.False(AddDyadic.Grids.TryOf(double.NaN, 0, 1, 0, 0, 0, 255, out _));
    }
}
