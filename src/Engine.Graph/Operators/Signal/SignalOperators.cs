namespace Engine.Graph.Operators;

internal static class SignalOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("BlackmanWindow", a => new BlackmanWindow(a));
        r.Add("DFT", a => new Dft(a));
        r.Add("HammingWindow", a => new HammingWindow(a));
        r.Add("HannWindow", a => new HannWindow(a));
        r.Add("MelWeightMatrix", a => new MelWeightMatrix(a));
        r.Add("STFT", a => new Stft(a));

        const string Training = "ai.onnx.preview.training";
        r.Add("Adagrad", a => new Adagrad(a), Training);
        r.Add("Adam", a => new Adam(a), Training);
        r.Add("Momentum", a => new Momentum(a), Training);
    }
}
