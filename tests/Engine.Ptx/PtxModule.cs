using System.Collections.ObjectModel;
using Engine.Ptx.Code;
using Engine.Ptx.Text;

namespace Engine.Ptx;

/// <summary>A file of PTX: its kernels and variables.</summary>
public sealed class PtxModule
{
    private PtxModule(string name, Parser parser)
    {
        Name = name;
        Version = parser.Version;
        Target = parser.Target;
        Variables = parser.Variables;
        Functions = parser.Functions;
        Entries = new ReadOnlyDictionary<string, PtxEntry>(
            parser.Functions.Values.Where(f => f is { IsEntry: true, HasBody: true }).ToDictionary(f => f.Name, f => new PtxEntry(this, f)));
    }

    /// <summary>The name in messages.</summary>
    public string Name { get; }

    /// <summary>Such as 7.4.</summary>
    public string Version { get; }

    /// <summary>Such as sm_80.</summary>
    public string Target { get; }

    /// <summary>The kernels by name.</summary>
    public IReadOnlyDictionary<string, PtxEntry> Entries { get; }

    internal IReadOnlyList<VariableSymbol> Variables { get; }

    internal IReadOnlyDictionary<string, PtxFunction> Functions { get; }

    /// <summary>Reads PTX. Instructions are looked at when their kernel is first launched, or by <see cref="PtxEntry.Prepare"/>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">The name in messages.</param>
    /// <exception cref="PtxSyntaxException">The text is not PTX.</exception>
    public static PtxModule Parse(string text, string name)
    {
        var parser = new Parser(name, text);
        parser.Parse();
        return new PtxModule(name, parser);
    }
}

/// <summary>A parameter of a kernel: where it lies in the block of parameters that a launch passes.</summary>
/// <param name="Name">As in the text.</param>
/// <param name="Offset">In bytes.</param>
/// <param name="Bytes">Its size.</param>
public sealed record PtxParameter(string Name, int Offset, int Bytes);

/// <summary>A kernel.</summary>
public sealed class PtxEntry
{
    private readonly Lazy<KernelCode> _code;

    internal PtxEntry(PtxModule module, PtxFunction function)
    {
        Module = module;
        Function = function;
        Parameters = [.. function.Parameters.Select(p => new PtxParameter(p.Name, (int)p.Offset, (int)p.Bytes))];
        _code = new Lazy<KernelCode>(() => new FunctionCompiler(module.Name, module.Functions, function).Compile());
    }

    /// <summary>Where it stands.</summary>
    public PtxModule Module { get; }

    /// <summary>As in the text.</summary>
    public string Name => Function.Name;

    /// <summary>In order.</summary>
    public IReadOnlyList<PtxParameter> Parameters { get; }

    /// <summary>Bytes of the block of parameters.</summary>
    public int ParameterBytes => Function.ParameterBytes;

    /// <summary>The threads a block may have (<c>.maxntid</c>, <c>.reqntid</c>); 1024 where the text does not say.</summary>
    public int MaxThreads => (Function.RequiredThreads ?? Function.MaxThreads) is { } sizes ? (int)Math.Min(1024, (long)sizes[0] * sizes[1] * sizes[2]) : 1024;

    /// <summary>Bytes of the block's shared memory of known size.</summary>
    public long StaticSharedBytes => _code.Value.Shared.StaticBytes;

    /// <summary>Opcodes with their modifiers, in the order of the text.</summary>
    public IReadOnlyList<string> Opcodes => [.. Function.Instructions.Select(i => string.Join('.', i.Modifiers.Prepend(i.Opcode)))];

    internal PtxFunction Function { get; }

    internal KernelCode Code => _code.Value;

    /// <summary>Looks at every instruction now.</summary>
    /// <exception cref="PtxUnsupportedException">An instruction that this machine does not execute.</exception>
    public PtxEntry Prepare()
    {
        _ = _code.Value;
        return this;
    }
}
