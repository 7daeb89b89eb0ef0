using System.Xml.Linq;
using Engine.Bench;

namespace Engine.Tests.Bench;

public sealed class LatencyPlotTests
{
    [Fact]
    public void Bars_of_a_group_share_a_scale_and_text_is_escaped()
    {
        var svg = XDocument.Parse(LatencyPlot.Svg("a < b & c", "", [new BarGroup("big", [new BarRow("1 thread", [new Bar("Engine", 50, "0.50×"), new Bar("other", 100)])]), new BarGroup("small", [new BarRow("1 thread", [new Bar("Engine", 0.02)])])]));
        var bars = svg.Descendants().Where(e => e.Name.LocalName == "rect" && (string?)e.Attribute("height") != "11").Select(e => double.Parse(e.Attribute("width")!.Value, System.Globalization.CultureInfo.InvariantCulture)).ToList();
        Assert.Equal([220, 440, 440], bars);
        var texts = svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value).ToList();
        foreach (string text in (string[])["a < b & c", "Engine", "other", "50.0 ms (0.50×)", "100 ms", "20.0 µs"]) Assert.Contains(text, texts);
    }
}
