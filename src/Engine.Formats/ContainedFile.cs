using Engine.Tensors;
using Microsoft.Win32.SafeHandles;

namespace Engine.Formats;

/// <summary>
/// Opens a file that a model names. The name must stay inside the model's folder, and, unless the caller allows links, no part
/// of the way may be a symbolic link and the file must have no second name elsewhere.
/// </summary>
internal static class ContainedFile
{
    /// <summary>Opens <paramref name="location"/>, a path relative to <paramref name="folder"/>.</summary>
    public static SafeFileHandle Open(string folder, string location, bool allowLinks, string? model)
    {
        string[] parts = location.Split('/', '\\');
        if (location.Contains('\0') || location.Contains(':') || Path.IsPathRooted(location) || parts.Any(p => p is "" or "." or ".."))
            throw Fault("is not a plain relative path");
        string root = Path.GetFullPath(folder);
        string path = Path.GetFullPath(Path.Combine([root, .. parts]));
        if (!path.StartsWith(Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal)) throw Fault("leaves the model's folder");

        SafeFileHandle? handle = null;
        try
        {
            if (!allowLinks) RefuseLinks();
            var before = FileIdentity.Of(path);
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            // What was checked may have been replaced before it was opened.
            var opened = FileIdentity.Of(handle);
            if (before != opened) throw Fault("changed while it was opened");
            if (!allowLinks)
            {
                if (opened is { Links: > 1 }) throw Fault("has a second name (hard link)");
                RefuseLinks();
            }
            var result = handle;
            handle = null;
            return result;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidModelException($"external data '{location}' cannot be read: {e.Message}", model, -1, e);
        }
        finally
        {
            handle?.Dispose();
        }

        void RefuseLinks()
        {
            string at = root;
            foreach (string p in parts)
            {
                at = Path.Combine(at, p);
                if (new FileInfo(at).LinkTarget is not null) throw Fault("goes through a symbolic link");
            }
            if (Directory.Exists(path)) throw Fault("is a folder");
        }

        InvalidModelException Fault(string what) => new($"external data '{location}' {what}", model);
    }
}
