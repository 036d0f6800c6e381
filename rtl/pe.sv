// A processing element: the blocks of EIE's Figure 4 (b), in the order in which data pass them.
module pe #(
    parameter QUEUE_DEPTH = 8,
    parameter SPMAT_WIDTH = 64,
    parameter CODE_BITS = 4,
    parameter INDEX_BITS = 4,
    parameter PTR_BITS = 16,
    parameter POINTERS = 4161,
    parameter COLUMN_BITS = 13,
    parameter WORDS = 16384,
    parameter WORD_BITS = 14,
    parameter SOURCE_ROWS = 65,
    parameter SOURCE_BITS = 7,
    parameter ACCUMULATORS = 64,
    parameter ROW_BITS = 6,
    parameter WEIGHT_FRACTION_BITS = 12,
    parameter ACROSS_COLUMNS = 1
) (
    input  logic                      clock,
    input  logic                      reset,
    input  logic [9:0]                pe_number,
    input  logic [SOURCE_BITS-1:0]    source_row,
    output logic [15:0]               activation,
    input  logic                      take,
    input  logic                      arrive,
    input  logic [COLUMN_BITS+16-1:0] arrived,      // {column, value}
    output logic                      full,
    output logic                      idle,
    output logic                      ptr_read,
    output logic [COLUMN_BITS-1:0]    ptr_column,
    output logic                      word_read,
    output logic [WORD_BITS-1:0]      word_number,
    output logic                      bypass,
    output logic                      leaving,
    output logic                      write,
    output logic [ROW_BITS-1:0]       write_row,
    output logic [15:0]               write_value,
    input  logic [ROW_BITS-1:0]       output_row,
    output logic [15:0]               out
);
  localparam ENTRY_BITS = CODE_BITS + INDEX_BITS;

  logic empty, unused, ptr_busy, issue, begins, spmat_busy, valid, entry_begins, arithm_busy;
  logic [15:0] head_value, issued_value, entry_value, accumulator;
  logic [PTR_BITS-1:0] address;
  logic [ENTRY_BITS-1:0] entry;
  logic [ROW_BITS-1:0] read_row;

  assign idle = unused && !ptr_busy && !spmat_busy && !arithm_busy;

  act_queue #(
      .DEPTH(QUEUE_DEPTH), .WIDTH(COLUMN_BITS + 16)
  ) queue (
      .clock(clock), .reset(reset), .take(take), .arrive(arrive), .arrived(arrived),
      .pop(ptr_read), .head({ptr_column, head_value}), .empty(empty), .unused(unused), .full(full)
  );

  ptr_read #(
      .COLUMN_BITS(COLUMN_BITS), .PTR_BITS(PTR_BITS), .POINTERS(POINTERS)
  ) pointers (
      .clock(clock), .reset(reset), .pe_number(pe_number),
      .empty(empty), .column(ptr_column), .value(head_value),
      .pop(ptr_read), .busy(ptr_busy), .issue(issue), .begins(begins), .address(address),
      .issued_value(issued_value)
  );

  spmat_read #(
      .PTR_BITS(PTR_BITS), .SPMAT_WIDTH(SPMAT_WIDTH), .ENTRY_BITS(ENTRY_BITS), .WORDS(WORDS),
      .WORD_BITS(WORD_BITS), .ACROSS_COLUMNS(ACROSS_COLUMNS)
  ) matrix (
      .clock(clock), .reset(reset), .pe_number(pe_number),
      .issue(issue), .begins(begins), .address(address),
      .value(issued_value), .busy(spmat_busy), .read(word_read), .number(word_number),
      .valid(valid), .entry_begins(entry_begins), .entry(entry), .entry_value(entry_value)
  );

  arithm #(
      .CODE_BITS(CODE_BITS), .INDEX_BITS(INDEX_BITS), .ROW_BITS(ROW_BITS),
      .WEIGHT_FRACTION_BITS(WEIGHT_FRACTION_BITS)
  ) arithmetic (
      .clock(clock), .reset(reset), .pe_number(pe_number),
      .valid(valid), .begins(entry_begins), .entry(entry),
      .value(entry_value), .read_row(read_row), .accumulator(accumulator), .busy(arithm_busy),
      .bypass(bypass), .leaving(leaving), .write(write), .write_row(write_row),
      .write_value(write_value)
  );

  act_rw #(
      .SOURCE_ROWS(SOURCE_ROWS), .SOURCE_BITS(SOURCE_BITS), .ACCUMULATORS(ACCUMULATORS),
      .ROW_BITS(ROW_BITS)
  ) registers (
      .clock(clock), .reset(reset), .pe_number(pe_number),
      .source_row(source_row), .activation(activation),
      .read_row(read_row), .accumulator(accumulator), .write(write), .write_row(write_row),
      .write_value(write_value), .output_row(output_row), .out(out)
  );
endmodule
