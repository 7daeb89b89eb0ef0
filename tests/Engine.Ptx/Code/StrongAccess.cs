using Engine.Ptx.Machine;

namespace Engine.Ptx.Code;

/// <summary>What atomic and strong accesses and fences order between blocks.</summary>
internal sealed class StrongAccess
{
    private readonly bool _acquires;
    private readonly bool _releases;

    public StrongAccess(Encoder e)
    {
        _acquires = e.Has("acquire") || e.Has("acq_rel");
        _releases = e.Has("release") || e.Has("acq_rel");
    }

    public void Before(Warp warp)
    {
        BlockOrder order = warp.Block.Order;
        uint now = ++warp.Block.Worker.Time;
        if (_releases) order.Fence = now;
        if (!warp.Block.Launch.ChecksGlobal) return;
        if (order.Fence != 0 && (order.Releases.Count == 0 || order.Releases[^1].Before < order.Fence))
        {
            order.Releases.Add((now, order.Fence));
            warp.Block.Launch.Show(warp.Block);
        }
    }

    public void After(Warp warp)
    {
        BlockOrder order = warp.Block.Order;
        order.Strong = ++warp.Block.Worker.Time;
        if (_acquires) order.Acquired = order.Strong;
    }

    /// <summary>A fence of the block for others.</summary>
    public static void Fence(Warp warp)
    {
        BlockOrder order = warp.Block.Order;
        order.Fence = ++warp.Block.Worker.Time;
        order.Acquired = Math.Max(order.Acquired, order.Strong);
    }
}
