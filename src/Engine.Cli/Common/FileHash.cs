using System.Security.Cryptography;

namespace Engine.Cli;

/// <summary>Hashes of files, in lower-case hex.</summary>
internal static class FileHash
{
    /// <summary>SHA-256 of the content of the files, one after the other.</summary>
    public static string Sha256(params IEnumerable<string> paths)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        foreach (string path in paths)
        {
            using var f = File.OpenRead(path);
            for (int n; (n = f.Read(buffer)) > 0;) hash.AppendData(buffer, 0, n);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
