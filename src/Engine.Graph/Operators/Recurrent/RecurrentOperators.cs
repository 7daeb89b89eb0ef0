namespace Engine.Graph.Operators;

internal static class RecurrentOperators
{
    public static void Register(OperatorRegistry r)
    {
        r.Add("GRU", a => new Gru(a));
        r.Add("LSTM", a => new Lstm(a));
        r.Add("RNN", a => new Rnn(a));
    }
}
