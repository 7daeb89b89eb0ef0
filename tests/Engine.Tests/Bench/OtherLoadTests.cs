using Engine.Compression;

namespace Engine.Tests.Bench;

public sealed class OtherLoadTests
{
    [Fact]
    public void The_line_of_all_processors_is_read()
    {
        Assert.Equal((3.6, 10.0), OtherLoad.Parse("cpu  100 50 100 600 40 20 30 60 7 8"));
        Assert.Null(OtherLoad.Parse("cpu0 1 2 3 4 5 6 7 8"));
        Assert.Null(OtherLoad.Parse("cpu 1 2 3"));
        Assert.Null(OtherLoad.Parse("cpu a 2 3 4 5 6 7 8"));
    }

    [Fact]
    public void The_own_share_is_not_counted()
    {
        Assert.Equal(25, OtherLoad.Percent(busy: 3, own: 2, all: 4));
        Assert.Equal(0, OtherLoad.Percent(busy: 2, own: 2.1, all: 4));
    }
}
