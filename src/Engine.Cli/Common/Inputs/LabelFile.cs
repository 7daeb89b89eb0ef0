using System.Globalization;
using Engine.Formats.Data;

namespace Engine.Cli;

/// <summary>Classes of samples: a .npy file of integers, or a text file with one number a line.</summary>
internal static class LabelFile
{
    public static int[] Read(string path)
    {
        if (!File.Exists(path)) throw CommandException.Usage($"{path}: no such file");
        if (path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
        {
            var t = NpyFile.Read(path);
            if (!Tensors.DTypes.IsInteger(t.DType)) throw new Tensors.DataFormatException($"labels are integers, not {t}", path);
            return Array.ConvertAll(t.ToLongs(), l => l is >= 0 and <= int.MaxValue ? (int)l : throw new Tensors.DataFormatException($"holds the class {l}", path));
        }
        return [.. File.ReadLines(path).Where(l => l.Length > 0).Select(l => int.TryParse(l.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int v) ? v : throw new Tensors.DataFormatException($"'{l}' is no class", path))];
    }
}
