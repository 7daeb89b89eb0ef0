using System.Text;
using Engine.Graph;

namespace Engine.Cli;

/// <summary>The main graph in Graphviz' language: a box a node, an edge a wire, labelled with its declared type.</summary>
internal static class DotGraph
{
    public static string Write(ModelGraph graph)
    {
        var text = new StringBuilder("digraph {\n  rankdir=TB; node [shape=box, fontname=\"sans-serif\"]; edge [fontname=\"sans-serif\", fontsize=9];\n");
        var source = new Dictionary<Value, string>();
        for (int i = 0; i < graph.Inputs.Count; i++)
        {
            source[graph.Inputs[i]] = $"i{i}";
            text.Append($"  i{i} [label={Quote(graph.Inputs[i].Name)}, shape=ellipse];\n");
        }
        for (int n = 0; n < graph.Nodes.Count; n++)
        {
            var node = graph.Nodes[n];
            text.Append($"  n{n} [label={Quote(node.Op + (node.Name.Length > 0 ? "\n" + node.Name : ""))}];\n");
            foreach (var v in node.Inputs)
                if (v is not null && source.TryGetValue(v, out var from)) Edge(text, from, $"n{n}", v);
            foreach (var v in node.Outputs)
                if (v is not null) source[v] = $"n{n}";
        }
        for (int o = 0; o < graph.Outputs.Count; o++)
        {
            text.Append($"  o{o} [label={Quote(graph.Outputs[o].Name)}, shape=ellipse];\n");
            if (source.TryGetValue(graph.Outputs[o], out var from)) Edge(text, from, $"o{o}", graph.Outputs[o]);
        }
        return text.Append("}\n").ToString();
    }

    private static void Edge(StringBuilder text, string from, string to, Value v) =>
        text.Append($"  {from} -> {to}{(v.Declared is { } d ? $" [label={Quote(d.ToString())}]" : "")};\n");

    private static string Quote(string s) => $"\"{s.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).ReplaceLineEndings("\\n")}\"";
}
