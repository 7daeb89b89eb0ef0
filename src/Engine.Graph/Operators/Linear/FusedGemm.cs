namespace Engine.Graph.Operators;

/// <summary>com.microsoft FusedGemm: Gemm followed by an activation.</summary>
public sealed class FusedGemm(Attributes a) : GemmBase(a)
{
    /// <inheritdoc/>
    public override string Name => "FusedGemm";

    /// <inheritdoc/>
    public override string Domain => "com.microsoft";

    /// <summary>Name of the activation; empty for none.</summary>
    public string Activation { get; } = a.String("activation", "");

    /// <summary>First parameter of the activation, or null.</summary>
    public float? ActivationAlpha { get; } = a.Has("activation_alpha") ? a.Float("activation_alpha", 0) : null;

    /// <summary>Second parameter of the activation, or null.</summary>
    public float? ActivationBeta { get; } = a.Has("activation_beta") ? a.Float("activation_beta", 0) : null;
}
