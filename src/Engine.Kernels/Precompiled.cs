#if PRECOMPILED
using Options = System.Runtime.CompilerServices.MethodImplOptions;

namespace Engine.Kernels;

/// <summary>
/// What <c>[MethodImpl(MethodImplOptions.…)]</c> means in this namespace where the assembly is compiled ahead of time. A method marked
/// <see cref="Options.AggressiveOptimization"/> is never precompiled; precompiled code is fully optimized without the mark.
/// </summary>
internal static class MethodImplOptions
{
    public const Options AggressiveOptimization = 0, AggressiveInlining = Options.AggressiveInlining, NoInlining = Options.NoInlining;
}
#endif
