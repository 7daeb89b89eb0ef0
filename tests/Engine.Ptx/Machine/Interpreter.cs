using System.Numerics;
using Engine.Ptx.Code;
using Engine.Ptx.Memory;

namespace Engine.Ptx.Machine;

/// <summary>Executes instructions of one warp.</summary>
internal static unsafe class Interpreter
{
    /// <summary>Goes on until the slice is over, or the warp has to wait or is done.</summary>
    /// <param name="warp">The warp.</param>
    /// <param name="steps">The kernel.</param>
    /// <param name="counts">Lane-instructions of every step, added to.</param>
    /// <param name="slice">The most instructions.</param>
    /// <returns>Instructions executed.</returns>
    public static int Run(Warp warp, Step[] steps, long[] counts, int slice)
    {
        int left = slice;
        while (left > 0)
        {
            if (warp.Pc >= warp.NextMerge) warp.Merge();
            int pc = warp.Pc;
            Step step = steps[pc];
            uint mask = warp.Active;
            if (step.Guard >= 0) mask &= warp.Predicates[step.Guard] ^ step.GuardFlip;
            left--;
            counts[pc] += BitOperations.PopCount(mask);
            switch (step.Kind)
            {
                case StepKind.Plain:
                    if (mask != 0) step.Operation!.Execute(warp, mask);
                    warp.Pc = pc + 1;
                    break;
                case StepKind.Branch:
                    warp.Branch(mask, step.Target);
                    break;
                case StepKind.BranchIndexed:
                    BranchIndexed(warp, step, mask);
                    break;
                case StepKind.Exit:
                    warp.Exit(mask);
                    if (warp.State == WarpState.Done)
                    {
                        warp.Block.OnExit(warp);
                        return slice - left;
                    }
                    break;
                default:
                    if (!Together(warp, step, mask)) break;
                    if (warp.State != WarpState.Ready) return slice - left;
                    break;
            }
        }
        return slice;
    }

    private static void BranchIndexed(Warp warp, Step step, uint mask)
    {
        uint* index = (uint*)(warp.Registers + step.Index);
        int[] targets = step.Targets!;
        warp.Scatter(mask, lane => index[lane] < (uint)targets.Length
            ? targets[index[lane]]
            : throw new KernelFaultException(PtxFaultKind.Trap, lane, $"branch by index {index[lane]} of {targets.Length}"));
    }

    /// <summary>Executes an instruction for all its lanes, once they are there.</summary>
    /// <returns>Whether it was executed.</returns>
    private static bool Together(Warp warp, Step step, uint mask)
    {
        var operation = (ConvergentOperation)step.Operation!;
        if (warp.HasSplits)
        {
            uint active = warp.Active;
            warp.JoinHere();
            if (warp.Active != active) mask = step.Guard >= 0 ? warp.Active & (warp.Predicates[step.Guard] ^ step.GuardFlip) : warp.Active;
        }
        if (mask == 0 && warp.Active == warp.Live)
        {
            warp.Pc++;
            return true;
        }
        uint members = operation.Members(warp, mask == 0 ? warp.Active : mask) & warp.Live;
        if ((members & ~warp.Active) != 0)
        {
            warp.Park();
            return false;
        }
        if (mask != 0)
        {
            if ((members & ~mask) != 0)
                throw new KernelFaultException(PtxFaultKind.Divergence, -1, $"lanes 0x{members & ~mask:x8} are named and do not take part, their guard is false");
            operation.Execute(warp, mask);
        }
        warp.Pc++;
        return true;
    }
}
