using System.Globalization;
using Engine.Graph;
using Engine.Tensors;

namespace Engine.Formats.Onnx;

/// <summary>
/// Writes graphs as ONNX models. Quantized constants become DequantizeLinear, MatMulNBits or GatherBlockQuantized over their codes; the opset
/// rises where those need it and every node keeps its meaning, else their com.microsoft form is written. The same graph gives the same bytes.
/// </summary>
public static class OnnxModelWriter
{
    private const int IrField = 1, ProducerField = 2, ProducerVersionField = 3, DomainField = 4, ModelVersionField = 5, DocField = 6, GraphField = 7, OpsetField = 8, MetadataField = 14;

    // Facts about the file that have fields of their own.
    private static readonly (string Key, int Field)[] s_texts = [("producer_name", ProducerField), ("producer_version", ProducerVersionField), ("domain", DomainField), ("doc_string", DocField)];

    /// <summary>Writes a file, whole or not at all. Throws <see cref="UnsupportedException"/> for what ONNX has no form for, <see cref="FileWriteException"/>.</summary>
    public static void Write(ModelDefinition model, string path)
    {
        // Whatever cannot be written is found before the file is touched.
        var m = Message(model);
        AtomicFile.Write(path, m.CopyTo);
    }

    /// <summary>Writes to a stream.</summary>
    public static void Write(ModelDefinition model, Stream to) => Message(model).CopyTo(to);

    private static WireWriter Message(ModelDefinition model)
    {
        int opset = Opset(model);
        var writer = new GraphWriter(opset);
        var graph = writer.Main(model.Graph);
        var m = new WireWriter();
        long ir = model.Metadata.TryGetValue("ir_version", out var given) && long.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out long v) ? v : 8;
        m.Int(IrField, Math.Max(ir, opset >= 21 ? 10 : opset >= 19 ? 9 : 8));
        foreach (var (key, field) in s_texts)
            if (model.Metadata.TryGetValue(key, out var text)) m.Text(field, text);
        if (model.Metadata.TryGetValue("model_version", out var version) && long.TryParse(version, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)) m.Int(ModelVersionField, number);
        var opsets = new SortedDictionary<string, int>(model.Opsets.ToDictionary(), StringComparer.Ordinal) { [""] = opset };
        foreach (string d in writer.Domains) opsets.TryAdd(d, 1);
        foreach (var (domain, number2) in opsets)
        {
            var o = new WireWriter();
            if (domain.Length > 0) o.Text(1, domain);
            o.Int(2, number2);
            m.Message(OpsetField, o);
        }
        foreach (var (key, value) in model.Metadata.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            if (key is "ir_version" or "model_version" || s_texts.Any(t => t.Key == key)) continue;
            var p = new WireWriter();
            p.Text(1, key);
            p.Text(2, value);
            m.Message(MetadataField, p);
        }
        m.Message(GraphField, graph);
        return m.Length <= int.MaxValue ? m : throw new UnsupportedException($"the model takes {m.Length} bytes; an ONNX file has less than 2 GiB, an .engine file holds it");
    }

    /// <summary>The model's opset, or the one that its quantized constants and nodes need where every node means the same under it.</summary>
    private static int Opset(ModelDefinition model)
    {
        int own = model.Opsets.TryGetValue("", out int v) ? v : OnnxModelReader.NewestOpset;
        var nodes = Nodes(model.Graph).ToList();
        int needed = Math.Max(own, nodes.Select(NeededOpset).Append(0).Max());
        foreach (var n in nodes)
            if (!QuantizedForm.IsNBits(n) && !QuantizedForm.IsGather(n))
                foreach (var w in n.Inputs.Select(i => i?.Constant).OfType<Quantized>()) needed = Math.Max(needed, QuantizedForm.Opset(w.Bits <= 4 ? DType.U4 : DType.U8, w.Scale.Shape, w.Group));
        return nodes.TrueForAll(n => n.Op.Domain.Length > 0 || NeededOpset(n) > 0 || OpsetChanges.Same(n.Op.Name, own, needed)) ? needed : own;
    }

    /// <summary>The opset of the ONNX domain that a QuantizeLinear or DequantizeLinear node needs; 0 for other nodes.</summary>
    internal static int NeededOpset(Node n)
    {
        if (n.Op is not { Domain: "", Name: "QuantizeLinear" or "DequantizeLinear" }) return 0;
        var codes = n.Op.Name == "DequantizeLinear" ? n.Input(0)?.Constant?.DType : n.Input(2)?.Constant?.DType;
        return QuantizedForm.Opset(codes ?? DType.U8, n.Input(1)?.Constant?.Shape ?? Shape.Scalar, n.Op.Attributes.Int("block_size", 0));
    }

    private static IEnumerable<Node> Nodes(ModelGraph g) => g.Nodes.SelectMany(n => n.Op.Subgraphs.SelectMany(Nodes).Prepend(n));
}
