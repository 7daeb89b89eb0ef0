using System.Numerics;

namespace Engine.Ptx.Machine;

/// <summary>What a block's barriers order. Times count events; what happened at a time is ordered before a warp that knows a later one.</summary>
internal sealed class BlockOrder(int warps)
{
    private readonly uint[] _known = new uint[warps * warps];

    /// <summary>All that the block did earlier is ordered before all that it does now.</summary>
    public uint Epoch { get; private set; }

    /// <summary>When the block began.</summary>
    public uint Begin { get; private set; }

    public void Start(uint time)
    {
        Begin = Epoch = time;
        Array.Clear(_known);
        Strong = Acquired = Fence = 0;
        Releases = [];
    }

    public void Everything(uint time) => Epoch = time;

    /// <summary>What warp <paramref name="warp"/>'s lanes did is ordered before what they do now.</summary>
    public void Warp(int warp, uint time) => _known[warp * warps + warp] = time;

    /// <summary>A barrier of some warps: each now knows all that any of them knew or did.</summary>
    public void Some(uint members, uint time)
    {
        Span<uint> all = stackalloc uint[warps];
        all.Clear();
        for (uint m = members; m != 0; m &= m - 1)
        {
            int w = BitOperations.TrailingZeroCount(m);
            for (int v = 0; v < warps; v++) all[v] = Math.Max(all[v], _known[w * warps + v]);
        }
        for (uint m = members; m != 0; m &= m - 1) all[BitOperations.TrailingZeroCount(m)] = time;
        for (uint m = members; m != 0; m &= m - 1) all.CopyTo(_known.AsSpan(BitOperations.TrailingZeroCount(m) * warps, warps));
    }

    /// <summary>Whether what <paramref name="other"/> did at <paramref name="time"/> is ordered before <paramref name="warp"/>'s present.</summary>
    public bool IsOrdered(int warp, int other, uint time) => time < Epoch || time < _known[warp * warps + other];

    /// <summary>Of the last atomic or strong access to global memory.</summary>
    public uint Strong { get; set; }

    /// <summary>Other blocks' releases before this time are known to this block.</summary>
    public uint Acquired { get; set; }

    /// <summary>Of the last fence.</summary>
    public uint Fence { get; set; }

    /// <summary>When the block told others that what it did before a fence is done.</summary>
    public List<(uint Published, uint Before)> Releases { get; private set; } = [];

    /// <summary>Whether another block that has acquired all until <paramref name="acquired"/> knows what this one did at <paramref name="time"/>.</summary>
    public static bool IsReleased(List<(uint Published, uint Before)> releases, uint time, uint acquired)
    {
        int low = 0, high = releases.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (releases[middle].Before > time) high = middle;
            else low = middle + 1;
        }
        return low < releases.Count && releases[low].Published < acquired;
    }
}
