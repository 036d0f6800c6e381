"""The fast engine: the recurrences of the cycle contract in compiled code.

Arrays of these names are the same in all kernels:

counts : unsigned [columns, PEs]
    Entries of every column in every PE.
columns : int32 [items]
    Column of each item.
values : float32 or int16 [items]
    Activation of each item.
earliest : int32 [items]
    The earliest cycle a PE can start on each item.
edge_rows : signed [4, columns, PEs]
    Row of the first, second, last but one and last entry of every column. For a padding zero, or
    where there is no such entry, it is -1 in the first two and -2 in the last two.
padding : unsigned [columns, PEs]
    Padding zeros of every column in every PE.
ptr : int32 [columns + 1, PEs]
    Column pointers.
indptr, weights : int64, unsigned
    The weights column by column, row and code of each (`eiesim.image.Columns`). Rows within a
    column differ, so every accumulator sees its products in the order of the items, as in its PE.
codebook : float32 or int32 [2**codebook_bits]
    The shared weights; int32 in fixed16, whose products need it.
registers : float32 or int16 [inputs, cols]
    What the source registers hold.
bias_column : int
    The bias's, -1 where none is scanned.
entries_per_word, across_columns : int, bool
    Entries in a word; whether the last word stays latched from one column to the next.
"""

from eiesim.sim.fast.engine import run

__all__ = ["run"]
