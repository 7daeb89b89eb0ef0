using System.Runtime.InteropServices;
using Engine.Tensors;

namespace Engine.Peers;

/// <summary>The ggml library that <c>./build.sh peers</c> fetches, with its kernels for this CPU, loaded once a process.</summary>
public static unsafe class Ggml
{
    private const string Folder = ".peers/llama";

    private static readonly Lazy<GgmlApi> s_api = new(Load);

    private static readonly string? s_folder = Find();

    /// <summary>Why nothing can be compared with ggml here, or null.</summary>
    public static string? Missing => s_folder is null ? $"no {Folder}/libggml-base.so: run ./build.sh peers (Linux on x64)" : null;

    /// <summary>Version of the library.</summary>
    public static string Version => Marshal.PtrToStringUTF8((nint)Api.GetVersion()) ?? "";

    internal static GgmlApi Api => s_api.Value;

    /// <summary>
    /// The operation on threads bound to these processors, but for the first, which is whatever thread runs it; null for an operation that is not bound here.
    /// The constant matrix is stored transposed, as ggml stores weights.
    /// </summary>
    public static IPeerRun? Create(PeerNode node, IReadOnlyList<int> processors) => node.IsMatMul || GgmlWeight.Of(node) is not null ? new GgmlProduct(node, processors) : null;

    private static string? Find()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return null;
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(Path.Combine(d.FullName, "Engine.sln")))
                return Path.Combine(d.FullName, Folder) is var path && File.Exists(Path.Combine(path, "libggml-base.so")) ? path : null;
        return null;
    }

    private static GgmlApi Load()
    {
        string folder = s_folder ?? throw new PeerException(Missing!);
        nint tensors = NativeLibrary.Load(Path.Combine(folder, "libggml-base.so"));
        // Every library of kernels says how well it suits this CPU; 0 is not at all.
        var best = (from file in Directory.GetFiles(folder, "libggml-cpu-*.so").Order()
                    let library = NativeLibrary.Load(file)
                    let score = Score(library)
                    orderby score descending
                    select (library, score)).First();
        if (best.score == 0) throw new PeerException("ggml: none of its libraries of kernels suits this CPU");
        var api = new GgmlApi(tensors, best.library);
        api.CpuInit();
        return api;
    }

    private static int Score(nint library) => NativeLibrary.TryGetExport(library, "ggml_backend_score", out nint score) ? ((delegate* unmanaged<int>)score)() : 0;
}

/// <summary>A graph of one product, or of several with the same left side.</summary>
internal sealed unsafe class GgmlProduct : IPeerRun
{
    // Graph and headers of tensors, beside the data.
    private const long Overhead = 1 << 20;

    private readonly Tensor _output;
    private readonly GgmlApi _api = Ggml.Api;
    private readonly byte[] _work;
    private readonly nint _product, _graph;
    private nint _context, _repacked, _buffer, _pool;
    private GgmlApi.Plan _plan;

    public GgmlProduct(PeerNode node, IReadOnlyList<int> processors)
    {
        var a = node.Inputs[0];
        int m = (int)a.Shape[0], k = (int)a.Shape[1], n = (int)node.Output.Shape[1];
        var blocks = GgmlWeight.Of(node);
        IReadOnlyList<Tensor>[] all = [[.. node.Inputs.Skip(1)], .. node.Further];
        _output = Tensor.Allocate(DType.F32, node.Output.Shape);
        long weightBytes = blocks is null ? 4L * n * k : (long)n * k / blocks.Group * blocks.BlockBytes;
        _context = _api.Init(new() { Bytes = (nuint)(Overhead + a.ByteLength + all.Length * ((blocks is { Repacked: true } ? 0 : weightBytes) + _output.ByteLength)) });
        _repacked = blocks is { Repacked: true } ? _api.Init(new() { Bytes = (nuint)Overhead, NoData = 1 }) : 0;
        if (_context == 0 || _repacked == 0 && blocks is { Repacked: true }) throw new PeerException("ggml: no context");
        nint x = _api.NewTensor2(_context, GgmlApi.F32, k, m);
        a.Span<float>().CopyTo(new Span<float>(_api.Data(x), m * k));
        nint[] weights = [.. all.Select(_ => _api.NewTensor2(_repacked != 0 ? _repacked : _context, blocks?.Type ?? GgmlApi.F32, k, n))];
        if (_repacked != 0 && (_buffer = _api.Allocate(_repacked, _api.RepackedMemory())) == 0) throw new PeerException("ggml: no memory for repacked weights");
        _graph = _api.NewGraph(_context);
        for (int i = 0; i < all.Length; i++)
        {
            if (blocks is null) Transpose(all[i][0], n, k, _api.Data(weights[i]));
            else
            {
                byte[] bytes = blocks.Make(all[i][0], all[i][1]);
                if (_repacked == 0) bytes.CopyTo(new Span<byte>(_api.Bytes(weights[i]), bytes.Length));
                else fixed (byte* p = bytes) _api.Set(weights[i], p, 0, (nuint)bytes.Length);
            }
            nint product = _api.MultiplyMatrices(_context, weights[i], x);
            if (i == 0) _product = product;
            _api.Expand(_graph, product);
        }

        _pool = Pool(processors);
        if (_pool == 0) throw new PeerException("ggml: no threads");
        _plan = _api.GraphPlan(_graph, processors.Count, _pool);
        _work = GC.AllocateUninitializedArray<byte>((int)_plan.WorkBytes + 64, pinned: true);
        _plan.Work = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_work, 0);
    }

    private static void Transpose(Tensor b, int n, int k, float* to)
    {
        var from = b.Span<float>();
        for (int j = 0; j < n; j++)
            for (int i = 0; i < k; i++) to[(nint)j * k + i] = from[i * n + j];
    }

    // The library binds the thread that makes a pool to the last processor of the mask: one that ends at once. The caller is the pool's first thread and
    // brings its own processor, so that the mask holds those of the others.
    private nint Pool(IReadOnlyList<int> processors)
    {
        nint pool = 0;
        var maker = new Thread(() =>
        {
            // Polling is ggml's own default.
            GgmlApi.ThreadPoolParameters p = new() { Threads = processors.Count, Poll = 50, Strict = 1 };
            foreach (int processor in processors.Skip(1)) p.Mask[processor] = 1;
            pool = _api.ThreadPoolNew(&p);
        });
        maker.Start();
        maker.Join();
        return pool;
    }

    public void Run()
    {
        fixed (GgmlApi.Plan* p = &_plan)
            if (_api.GraphCompute(_graph, p) is not 0 and var status) throw new PeerException($"ggml: the graph returned {status}");
    }

    public Tensor Result()
    {
        new ReadOnlySpan<float>(_api.Data(_product), _output.Span<float>().Length).CopyTo(_output.Span<float>());
        return _output;
    }

    public void Dispose()
    {
        if (_pool != 0) _api.ThreadPoolFree(_pool);
        if (_buffer != 0) _api.FreeBuffer(_buffer);
        if (_repacked != 0) _api.Free(_repacked);
        if (_context != 0) _api.Free(_context);
        (_pool, _buffer, _repacked, _context) = (0, 0, 0, 0);
    }
}
