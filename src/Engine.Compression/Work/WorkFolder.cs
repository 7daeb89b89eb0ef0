using System.Security.Cryptography;
using System.Text;
using Engine.Formats;
using Engine.Tensors;

namespace Engine.Compression;

/// <summary>
/// Results of layers on disk while a model is being compressed, so that an interrupted run goes on where it stopped. Each file is checked by its
/// checksum and belongs to one job: model, data and options together.
/// </summary>
internal sealed class WorkFolder
{
    private const string JobFile = "job.txt";

    private readonly string? _path;

    /// <summary>Opens the folder; what another job left there is removed, and what this one left too unless <paramref name="resume"/> is set. Null keeps nothing.</summary>
    public WorkFolder(string? path, string job, bool resume)
    {
        _path = path;
        if (path is null) return;
        try
        {
            string file = Path.Combine(path, JobFile);
            // What somebody else put there is not ours to remove.
            if (Directory.Exists(path) && !File.Exists(file) && Directory.EnumerateFileSystemEntries(path).Any(e => e != file + AtomicFile.TemporarySuffix)) throw new IOException("the folder exists and is no work folder");
            if (Directory.Exists(path) && !(resume && File.Exists(file) && File.ReadAllText(file) == job)) Delete(path);
            // Never the folders above it: a path mistyped is an error.
            if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path)))) throw new DirectoryNotFoundException("there is no such folder");
            Directory.CreateDirectory(path);
            AtomicFile.Write(file, s => s.Write(Encoding.UTF8.GetBytes(job)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FileWriteException($"cannot be written: {e.Message}", path, e);
        }
    }

    /// <summary>Layers taken from an earlier run.</summary>
    public int Reused { get; private set; }

    /// <summary>The result of an earlier run, or a new one, which is kept.</summary>
    public LayerResult Get(Layer layer, Scheme scheme, Func<LayerResult> compute)
    {
        if (_path is null) return compute();
        string file = Path.Combine(_path, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{layer.Name}\n{scheme}")))[..24] + ".layer");
        if (Read(file) is { } bytes && LayerResult.FromBytes(bytes, layer, scheme) is { } stored)
        {
            Reused++;
            return stored;
        }
        var result = compute();
        AtomicFile.Write(file, s => s.Write(result.ToBytes()));
        return result;
    }

    /// <summary>Removes the folder: the job is done.</summary>
    public void Remove()
    {
        if (_path is null || !Directory.Exists(_path)) return;
        try
        {
            Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The model is written; what is left here costs only room.
        }
    }

    // The job file goes last: killed in between, the folder is still known as one of ours.
    private static void Delete(string path)
    {
        foreach (string file in Directory.GetFiles(path))
            if (Path.GetFileName(file) != JobFile) File.Delete(file);
        foreach (string folder in Directory.GetDirectories(path)) Directory.Delete(folder, true);
        Directory.Delete(path, true);
    }

    private static byte[]? Read(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllBytes(file) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
