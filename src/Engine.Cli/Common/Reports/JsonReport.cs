using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Engine.Cli;

/// <summary>One object: facts by key, tables as arrays of objects (sections of one key joined), notes as an array of strings. Infinite and undefined numbers are null.</summary>
internal static class JsonReport
{
    public static void Write(Report report, TextWriter to)
    {
        using var bytes = new MemoryStream();
        // Relaxed escaping: the result is a file or a terminal, never the inside of a page.
        using (var w = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            w.WriteStartObject();
            foreach (var f in report.Items.OfType<Report.Fact>()) Value(w, f.Column.Key, f.Value);
            foreach (var sections in report.Items.OfType<Report.Section>().GroupBy(s => s.Key))
            {
                w.WriteStartArray(sections.Key);
                foreach (var s in sections)
                    foreach (var r in s.Table.Rows)
                    {
                        w.WriteStartObject();
                        for (int i = 0; i < r.Length; i++) Value(w, s.Table.Columns[i].Key, r[i]);
                        w.WriteEndObject();
                    }
                w.WriteEndArray();
            }
            var notes = report.Items.OfType<Report.Note>().ToList();
            if (notes.Count > 0)
            {
                w.WriteStartArray("notes");
                foreach (var n in notes) w.WriteStringValue(n.Text);
                w.WriteEndArray();
            }
            w.WriteEndObject();
        }
        to.WriteLine(Encoding.UTF8.GetString(bytes.ToArray()));
    }

    private static void Value(Utf8JsonWriter w, string key, object? value)
    {
        switch (value)
        {
            case null: w.WriteNull(key); break;
            case bool b: w.WriteBoolean(key, b); break;
            case int i: w.WriteNumber(key, i); break;
            case long l: w.WriteNumber(key, l); break;
            case double d when double.IsFinite(d): w.WriteNumber(key, d); break;
            case double: w.WriteNull(key); break;
            case long[] array:
                w.WriteStartArray(key);
                foreach (long l in array) w.WriteNumberValue(l);
                w.WriteEndArray();
                break;
            default: w.WriteString(key, value.ToString()); break;
        }
    }
}
