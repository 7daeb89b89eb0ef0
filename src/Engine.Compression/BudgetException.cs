using Engine.Tensors;

namespace Engine.Compression;

/// <summary>No choice of schemes meets the limits asked for.</summary>
public sealed class BudgetException(string message) : EngineException(message);
