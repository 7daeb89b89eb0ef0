namespace Engine.Kernels;

/// <summary>
/// How a product of packed panels is split into units: a block of rows by a few panels. By shape alone, so that sums and results do not depend
/// on the number of threads; enough units for many of them.
/// </summary>
internal readonly struct PanelUnits
{
    /// <summary>Rows that meet a panel before the next one is fetched.</summary>
    public const int RowBlock = 2 * TileRows;

    /// <summary>Rows and columns of a call whose sums are not the result yet: whole tiles of 14 and of 6 rows, and the sums stay in the cache.</summary>
    public const int TileRows = 42, TileColumns = 4 * GemmU8S8.PanelColumns;

    /// <summary>Most columns of a unit: A is made ready again for each.</summary>
    public const int MostColumns = MostPanels * GemmU8S8.PanelColumns;

    private const int MostPanels = 8;

    private readonly int _top, _m, _n, _rowBlock, _blocks, _columns, _splits;
    private readonly double _work;

    public PanelUnits(int m, int n, int k, int rowBlock = RowBlock, int top = 0)
    {
        (_top, _m, _n, _rowBlock, _blocks) = (top, m, n, rowBlock, (m + rowBlock - 1) / rowBlock);
        int panels = (n + GemmU8S8.PanelColumns - 1) / GemmU8S8.PanelColumns, perUnit = (int)Math.Clamp((long)panels * _blocks / 32, 1, MostPanels);
        _columns = perUnit * GemmU8S8.PanelColumns;
        _splits = (panels + perUnit - 1) / perUnit;
        _work = (double)Math.Min(m, rowBlock) * Math.Min(n, _columns) * k;
    }

    /// <summary>Units.</summary>
    public int Count => Tensors.Checked.Int((long)_blocks * _splits);

    /// <summary>Units that are worth a thread.</summary>
    public int Grain => (int)Math.Clamp((1 << 20) / Math.Max(1, _work), 1, 1024);

    /// <summary>First row, number of rows, and the columns from the first to before the last.</summary>
    public (int Row, int Rows, int First, int Last) this[int unit]
    {
        get
        {
            int row = unit % _blocks * _rowBlock, first = unit / _blocks * _columns;
            return (_top + row, Math.Min(_rowBlock, _m - row), first, (int)Math.Min(_n, (long)first + _columns));
        }
    }
}
