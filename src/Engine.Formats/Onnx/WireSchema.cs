namespace Engine.Formats.Onnx;

/// <summary>The messages of the format that are read.</summary>
internal enum WireMessage : byte
{
    None, Model, Opset, Entry, Graph, Function, Node, Attribute, Sparse, ValueInfo, Type, TensorType, ElementType, MapType, OpaqueType, Shape, Dimension,
}

/// <summary>What a field holds.</summary>
internal enum WireForm : byte
{
    /// <summary>Not read: dropped.</summary>
    Dropped,
    /// <summary>A number.</summary>
    Number,
    /// <summary>Numbers, packed or not.</summary>
    Numbers,
    /// <summary>A binary32.</summary>
    Single,
    /// <summary>Binary32 values, packed or not.</summary>
    Singles,
    /// <summary>A string or bytes.</summary>
    Text,
    /// <summary>A tensor: its content stays where it is.</summary>
    Tensor,
    /// <summary>A message.</summary>
    Message,
}

/// <summary>The table by which <see cref="WireScan"/> walks a model: fields by message, and what a parsed message takes in memory.</summary>
internal static class WireSchema
{
    private const int Fields = 26;

    private static readonly (WireForm Form, WireMessage Child)[] _table = Build();

    /// <summary>What the field holds.</summary>
    public static (WireForm Form, WireMessage Child) Of(WireMessage message, int field) => field < Fields ? _table[(int)message * Fields + field] : default;

    /// <summary>Bytes that a parsed message takes, its empty lists and its place in a list included; rounded up.</summary>
    public static int Cost(WireMessage message) => message switch
    {
        WireMessage.Node => 448,
        WireMessage.Attribute => 640,
        WireMessage.Graph or WireMessage.Function => 640,
        WireMessage.Sparse or WireMessage.Shape => 192,
        _ => 96,
    };

    /// <summary>Bytes that a parsed tensor reference takes.</summary>
    public const int TensorCost = 96;

    private static (WireForm, WireMessage)[] Build()
    {
        var t = new (WireForm, WireMessage)[Fields * (Enum.GetValues<WireMessage>().Length)];
        void Put(WireMessage m, WireForm form, params ReadOnlySpan<int> fields)
        {
            foreach (int f in fields) t[(int)m * Fields + f] = (form, WireMessage.None);
        }
        void Child(WireMessage m, int field, WireMessage child) => t[(int)m * Fields + field] = (WireForm.Message, child);

        Put(WireMessage.Model, WireForm.Number, 1, 5);
        Put(WireMessage.Model, WireForm.Text, 2, 3, 4, 6);
        Child(WireMessage.Model, 7, WireMessage.Graph);
        Child(WireMessage.Model, 8, WireMessage.Opset);
        Child(WireMessage.Model, 14, WireMessage.Entry);
        Child(WireMessage.Model, 25, WireMessage.Function);

        Put(WireMessage.Opset, WireForm.Text, 1);
        Put(WireMessage.Opset, WireForm.Number, 2);
        Put(WireMessage.Entry, WireForm.Text, 1, 2);

        Child(WireMessage.Graph, 1, WireMessage.Node);
        Put(WireMessage.Graph, WireForm.Text, 2);
        Put(WireMessage.Graph, WireForm.Tensor, 5);
        Child(WireMessage.Graph, 11, WireMessage.ValueInfo);
        Child(WireMessage.Graph, 12, WireMessage.ValueInfo);
        Child(WireMessage.Graph, 15, WireMessage.Sparse);

        Put(WireMessage.Function, WireForm.Text, 1, 4, 5, 6, 10, 13);
        Child(WireMessage.Function, 7, WireMessage.Node);
        Child(WireMessage.Function, 9, WireMessage.Opset);
        Child(WireMessage.Function, 11, WireMessage.Attribute);

        Put(WireMessage.Node, WireForm.Text, 1, 2, 3, 4, 7, 8);
        Child(WireMessage.Node, 5, WireMessage.Attribute);

        Put(WireMessage.Attribute, WireForm.Text, 1, 4, 9, 21);
        Put(WireMessage.Attribute, WireForm.Single, 2);
        Put(WireMessage.Attribute, WireForm.Number, 3, 20);
        Put(WireMessage.Attribute, WireForm.Tensor, 5, 10);
        Put(WireMessage.Attribute, WireForm.Singles, 7);
        Put(WireMessage.Attribute, WireForm.Numbers, 8);
        Child(WireMessage.Attribute, 6, WireMessage.Graph);
        Child(WireMessage.Attribute, 11, WireMessage.Graph);
        Child(WireMessage.Attribute, 14, WireMessage.Type);
        Child(WireMessage.Attribute, 15, WireMessage.Type);
        Child(WireMessage.Attribute, 22, WireMessage.Sparse);
        Child(WireMessage.Attribute, 23, WireMessage.Sparse);

        Put(WireMessage.Sparse, WireForm.Tensor, 1, 2);
        Put(WireMessage.Sparse, WireForm.Numbers, 3);

        Put(WireMessage.ValueInfo, WireForm.Text, 1);
        Child(WireMessage.ValueInfo, 2, WireMessage.Type);

        Child(WireMessage.Type, 1, WireMessage.TensorType);
        Child(WireMessage.Type, 4, WireMessage.ElementType);
        Child(WireMessage.Type, 5, WireMessage.MapType);
        Child(WireMessage.Type, 7, WireMessage.OpaqueType);
        Child(WireMessage.Type, 8, WireMessage.TensorType);
        Child(WireMessage.Type, 9, WireMessage.ElementType);
        Put(WireMessage.TensorType, WireForm.Number, 1);
        Child(WireMessage.TensorType, 2, WireMessage.Shape);
        Child(WireMessage.ElementType, 1, WireMessage.Type);
        Put(WireMessage.MapType, WireForm.Number, 1);
        Child(WireMessage.MapType, 2, WireMessage.Type);
        Put(WireMessage.OpaqueType, WireForm.Text, 1, 2);
        Child(WireMessage.Shape, 1, WireMessage.Dimension);
        Put(WireMessage.Dimension, WireForm.Number, 1);
        Put(WireMessage.Dimension, WireForm.Text, 2);
        return t;
    }
}
