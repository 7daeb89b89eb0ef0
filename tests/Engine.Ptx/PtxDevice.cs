using System.Collections.Concurrent;
using Engine.Ptx.Machine;
using Engine.Ptx.Memory;
using Engine.Ptx.Text;

namespace Engine.Ptx;

/// <summary>A device that executes PTX on this machine's processor, and watches what kernels do. Launches run one after the other.</summary>
public sealed class PtxDevice(PtxOptions? options = null)
{
    /// <summary>The largest buffer.</summary>
    public const long MaxBufferBytes = 0x7fff_0000;

    private readonly Dictionary<PtxModule, Dictionary<VariableSymbol, PtxBuffer>> _variables = [];
    private readonly Lock _gate = new();

    /// <summary>How it executes.</summary>
    public PtxOptions Options { get; } = options ?? new PtxOptions();

    internal GlobalMemory Memory { get; } = new();

    /// <summary>Who touched what, by buffer.</summary>
    internal ConcurrentDictionary<ulong, RaceShadow> Shadows { get; } = [];

    /// <summary>Counts events; see <see cref="BlockOrder"/>.</summary>
    internal uint Time { get; private set; } = 1;

    /// <summary>Allocates memory. Bytes hold noise until they are written.</summary>
    /// <param name="bytes">The size.</param>
    /// <param name="name">The name in messages.</param>
    /// <param name="written">Whether the bytes, then zeros, count as written.</param>
    public PtxBuffer Allocate(long bytes, string name, bool written = false)
    {
        if (bytes is < 0 or > MaxBufferBytes) throw new PtxLaunchException($"a buffer '{name}' of {bytes} bytes; at most {MaxBufferBytes}");
        lock (_gate)
        {
            var buffer = new PtxBuffer(Memory, bytes, name, written);
            if (!written) new Random(HashCode.Combine(Options.Seed, buffer.Address)).NextBytes(buffer.Raw);
            Shadows.TryRemove(buffer.Address, out _);
            return buffer;
        }
    }

    /// <summary>The buffer and the place in it that an address points to.</summary>
    /// <exception cref="PtxLaunchException">The address is in no buffer.</exception>
    public (PtxBuffer Buffer, long Offset) Locate(ulong address)
    {
        lock (_gate)
        {
            return Memory.Find(address) is { } buffer && address - buffer.Address <= (ulong)buffer.Bytes
                ? (buffer, (long)(address - buffer.Address))
                : throw new PtxLaunchException($"0x{address:x} is in no buffer");
        }
    }

    /// <summary>The buffer of a module's variable.</summary>
    /// <exception cref="PtxLaunchException">No such variable.</exception>
    public PtxBuffer Variable(PtxModule module, string name) =>
        VariablesOf(module).FirstOrDefault(p => p.Key.Name == name).Value ?? throw new PtxLaunchException($"module '{module.Name}' has no variable '{name}'");

    /// <summary>Executes a kernel to its end.</summary>
    /// <param name="entry">The kernel.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="dynamicSharedBytes">Bytes of shared memory besides the variables of known size.</param>
    /// <param name="parameterBlock">The parameters, each at its <see cref="PtxParameter.Offset"/>.</param>
    /// <exception cref="PtxLaunchException">Sizes that no device would take.</exception>
    /// <exception cref="PtxUnsupportedException">The kernel has an instruction that this machine does not execute.</exception>
    public PtxReport Launch(PtxEntry entry, (uint X, uint Y, uint Z) grid, (uint X, uint Y, uint Z) block, int dynamicSharedBytes, ReadOnlySpan<byte> parameterBlock)
    {
        lock (_gate)
        {
            Check(entry, grid, block, dynamicSharedBytes, parameterBlock.Length);
            VariablesOf(entry.Module);
            var launch = new Launch(this, entry, grid, block, dynamicSharedBytes, parameterBlock);
            int threads = Options.Races == PtxRaceChecks.All ? 1 : (int)Math.Min(Math.Max(1, Options.Threads), launch.Blocks);
            var workers = new Worker[threads];
            try
            {
                for (int i = 0; i < threads; i++) workers[i] = new Worker(launch, i, Time);
                if (threads == 1) workers[0].Run();
                else Parallel.ForEach(workers, new ParallelOptions { MaxDegreeOfParallelism = threads }, w => w.Run());
                Time = workers.Max(w => w.Time) + 1;
                if (Time > uint.MaxValue / 2) ForgetAccesses();
                return Report(launch, workers);
            }
            finally
            {
                foreach (Worker? worker in workers) worker?.Dispose();
            }
        }
    }

    private void ForgetAccesses()
    {
        Shadows.Clear();
        Time = 1;
    }

    private static PtxReport Report(Launch launch, Worker[] workers)
    {
        var instructions = new Dictionary<string, long>();
        for (int i = 0; i < launch.Code.Steps.Length; i++)
        {
            PtxInstruction source = launch.Code.Steps[i].Source;
            long count = workers.Sum(w => w.Counts[i]);
            if (count == 0 || source.Line == 0) continue;
            string name = string.Join('.', source.Modifiers.Prepend(source.Opcode));
            instructions[name] = instructions.GetValueOrDefault(name) + count;
        }
        return new PtxReport(launch.Entry.Name, launch.Faults, instructions, workers.Sum(w => w.Executed), workers.Sum(w => w.BytesRead), workers.Sum(w => w.BytesWritten));
    }

    private void Check(PtxEntry entry, (uint X, uint Y, uint Z) grid, (uint X, uint Y, uint Z) block, int dynamicBytes, int parameterBytes)
    {
        string name = $"'{entry.Name}' of '{entry.Module.Name}'";
        if (grid.X is 0 or > int.MaxValue || grid.Y is 0 or > 65_535 || grid.Z is 0 or > 65_535) throw new PtxLaunchException($"{name}: a grid of {grid.X} x {grid.Y} x {grid.Z} blocks");
        if (block.X is 0 or > 1024 || block.Y is 0 or > 1024 || block.Z is 0 or > 64 || (ulong)block.X * block.Y * block.Z > (ulong)entry.MaxThreads)
            throw new PtxLaunchException($"{name}: blocks of {block.X} x {block.Y} x {block.Z} threads; at most {entry.MaxThreads}");
        if (entry.Function.RequiredThreads is { } required && (required[0] != block.X || required[1] != block.Y || required[2] != block.Z))
            throw new PtxLaunchException($"{name}: blocks of {block.X} x {block.Y} x {block.Z} threads; required: {string.Join(" x ", required)}");
        if (parameterBytes != entry.ParameterBytes) throw new PtxLaunchException($"{name}: {parameterBytes} bytes of parameters; expected {entry.ParameterBytes}");
        if (dynamicBytes < 0 || entry.Code.Shared.DynamicStart + dynamicBytes > Options.MaxSharedBytes)
            throw new PtxLaunchException($"{name}: {entry.Code.Shared.DynamicStart} + {dynamicBytes} bytes of shared memory; at most {Options.MaxSharedBytes}");
        if (Options.Races != PtxRaceChecks.None && (ulong)grid.X * grid.Y * grid.Z * ((block.X * block.Y * block.Z + 31) / 32) > 1 << 22)
            throw new PtxLaunchException($"{name}: over 2^22 warps in one launch cannot be watched for races");
    }

    internal ulong AddressOf(PtxModule module, VariableSymbol variable) => VariablesOf(module)[variable].Address;

    private Dictionary<VariableSymbol, PtxBuffer> VariablesOf(PtxModule module)
    {
        lock (_gate)
        {
            if (_variables.TryGetValue(module, out Dictionary<VariableSymbol, PtxBuffer>? known)) return known;
            var buffers = new Dictionary<VariableSymbol, PtxBuffer>();
            foreach (VariableSymbol variable in module.Variables)
            {
                PtxBuffer buffer = Allocate(variable.Bytes, variable.Name, written: true);
                buffer.Upload(variable.Initial);
                if (variable.Space == PtxSpace.Constant) buffer.Seal(0, buffer.Bytes);
                buffers[variable] = buffer;
            }
            return _variables[module] = buffers;
        }
    }
}
