// Step 5 of the contract: activation read/write. The PE's part of the input, whose rows the control
// unit reads, and its accumulators, which are read before they are written in a cycle.
module act_rw #(
    parameter SOURCE_ROWS = 65,
    parameter SOURCE_BITS = 7,
    parameter ACCUMULATORS = 64,
    parameter ROW_BITS = 6
) (
    input  logic                   clock,
    input  logic                   reset,
    input  logic [9:0]             pe_number,
    input  logic [SOURCE_BITS-1:0] source_row,
    output logic [15:0]            activation,
    input  logic [ROW_BITS-1:0]    read_row,
    output logic [15:0]            accumulator,
    input  logic                   write,
    input  logic [ROW_BITS-1:0]    write_row,
    input  logic [15:0]            write_value,
    input  logic [ROW_BITS-1:0]    output_row,
    output logic [15:0]            out
);
  logic [15:0] accumulators[0:ACCUMULATORS-1];

  // one row more: the control unit stays before it when the scan has ended
  memory #(
      .WIDTH(16), .WORDS(SOURCE_ROWS + 1), .LATCHED(0), .NAME("activations")
  ) source (
      .clock(clock),
      .reset(reset),
      .pe_number(pe_number),
      .read(1'b1),
      .address(source_row),
      .word(activation)
  );

  assign accumulator = accumulators[read_row];
  assign out = accumulators[output_row];

  integer k;
  always_ff @(posedge clock)
    if (reset) for (k = 0; k < ACCUMULATORS; k = k + 1) accumulators[k] <= 0;
    else if (write) accumulators[write_row] <= write_value;
endmodule
