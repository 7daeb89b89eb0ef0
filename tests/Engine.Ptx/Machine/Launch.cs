using System.Collections.Concurrent;
using Engine.Ptx.Code;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx.Machine;

/// <summary>One launch: what its blocks share.</summary>
internal sealed unsafe class Launch
{
    private const int MaxFaults = 20;
    private const int NoiseBytes = 1 << 16;
    private readonly List<PtxFault> _faults = [];
    private readonly HashSet<(PtxFaultKind, int)> _seen = [];
    private readonly byte[] _template;
    private readonly byte[] _noise;
    private readonly byte[] _parameters;
    private readonly ConcurrentDictionary<ulong, RaceShadow> _shadows;
    private readonly Dictionary<uint, List<(uint, uint)>> _releases = [];
    private RaceShadow? _last;
    private ulong _lastBuffer;
    private long _next;
    private long _spent;

    public Launch(PtxDevice device, PtxEntry entry, (uint X, uint Y, uint Z) grid, (uint X, uint Y, uint Z) block, int dynamicBytes, ReadOnlySpan<byte> parameters)
    {
        Device = device;
        Entry = entry;
        Options = device.Options;
        Code = entry.Code;
        Grid = grid;
        Size = block;
        Threads = (int)(block.X * block.Y * block.Z);
        Blocks = (long)grid.X * grid.Y * grid.Z;
        DynamicBytes = dynamicBytes;
        SharedBytes = Code.Shared.DynamicStart + dynamicBytes;
        Memory = device.Memory;
        _shadows = device.Shadows;
        FirstTime = device.Time;
        ChecksGlobal = Options.Races == PtxRaceChecks.All;
        _parameters = GC.AllocateArray<byte>(parameters.Length + 16, pinned: true);
        parameters.CopyTo(_parameters);
        Parameters = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _parameters[0]);
        ParameterBytes = parameters.Length;
        _noise = new byte[NoiseBytes];
        new Random(Options.Seed).NextBytes(_noise);
        _template = Template();
    }

    public PtxDevice Device { get; }

    public PtxEntry Entry { get; }

    public PtxOptions Options { get; }

    public KernelCode Code { get; }

    public (uint X, uint Y, uint Z) Grid { get; }

    public (uint X, uint Y, uint Z) Size { get; }

    /// <summary>Of a block.</summary>
    public int Threads { get; }

    public long Blocks { get; }

    public int DynamicBytes { get; }

    /// <summary>Of a block, all in all.</summary>
    public long SharedBytes { get; }

    public GlobalMemory Memory { get; }

    public readonly byte* Parameters;

    public int ParameterBytes { get; }

    public readonly bool ChecksGlobal;

    public IReadOnlyList<PtxFault> Faults => _faults;

    public volatile bool Stopped;

    /// <summary>What happened before this time belongs to earlier launches.</summary>
    public uint FirstTime { get; }

    /// <summary>The next block to execute, or -1.</summary>
    public long Next()
    {
        if (Stopped) return -1;
        long index = Interlocked.Increment(ref _next) - 1;
        return index < Blocks ? index : -1;
    }

    public void Spend(long instructions)
    {
        if (Interlocked.Add(ref _spent, instructions) > Options.Budget)
            throw new KernelFaultException(PtxFaultKind.Budget, -1, $"over {Options.Budget} instructions of warps");
    }

    private RaceShadow ShadowOf(ulong address) =>
        _shadows.GetOrAdd(address >> 32 << 32, start => new RaceShadow(Memory.BytesAt(start), Memory.NameAt(start), start));

    /// <summary>Notes an access to global memory; only one thread does.</summary>
    public void NoteGlobal(Warp warp, int lane, ulong address, int bytes, AccessKind kind)
    {
        if (_last == null || address >> 32 != _lastBuffer)
        {
            _last = ShadowOf(address);
            _lastBuffer = address >> 32;
        }
        _last.Access(warp, lane, (uint)address, bytes, kind);
    }

    public List<(uint Published, uint Before)>? ReleasesOf(uint block) => _releases.GetValueOrDefault(block);

    /// <summary>Lets other blocks see a block's releases.</summary>
    public void Show(Block block) => _releases[(uint)block.Index] = block.Order.Releases;

    public void Report(Warp warp, int lane, PtxFaultKind kind, string message)
    {
        lock (_faults)
        {
            if (_faults.Count >= MaxFaults || !_seen.Add((kind, warp.Pc))) return;
            PtxInstruction source = Code.Steps[Math.Min(warp.Pc, Code.Steps.Length - 1)].Source;
            _faults.Add(new PtxFault(kind, Entry.Module.Name, Entry.Name, source.Line, source.Text, warp.Block.Index, lane < 0 ? warp.Index * 32 : warp.Index * 32 + lane, message));
        }
    }

    /// <summary>Fills memory that nobody has written.</summary>
    public void Noise(Span<byte> target, Random random)
    {
        int from = random.Next(NoiseBytes / 2) & ~7;
        while (target.Length > 0)
        {
            int count = Math.Min(target.Length, NoiseBytes - from);
            _noise.AsSpan(from, count).CopyTo(target);
            target = target[count..];
            from = 0;
        }
    }

    /// <summary>The registers of a warp that begins, but for what differs between warps.</summary>
    public ReadOnlySpan<byte> RegisterTemplate => _template;

    private byte[] Template()
    {
        byte[] file = new byte[Math.Max(Code.File.Bytes, 8)];
        Noise(file, new Random(Options.Seed));
        fixed (byte* start = file)
        {
            foreach (Preset preset in Code.File.Presets)
            {
                ulong value = preset.Variable is { } variable ? AddressOf(variable) + preset.Bits : preset.Name is { } name ? Presets.Uniform(this, name) : preset.Bits;
                Presets.Fill(start, preset.Slot, value);
                if (preset.Name != null) Presets.FillLanes(start, preset);
            }
        }
        return file;
    }

    private ulong AddressOf(VariableSymbol variable) => variable.Space == PtxSpace.Shared
        ? (ulong)Code.Shared.OffsetOf(variable)
        : Device.AddressOf(Entry.Module, variable);
}
