// Step 3 of the contract: pointer read. It pops the queue's head when it is idle or in the last entry
// of its column. Even pointers are in one bank, odd ones in the other, so that start and end of any
// column come from one read of both. They appear in the cycle after the pop, in which the column
// starts; one address is issued a cycle, and an empty column takes a cycle without one.
module ptr_read #(
    parameter COLUMN_BITS = 13,
    parameter PTR_BITS = 16,
    parameter POINTERS = 4161  // that both banks hold
) (
    input  logic                   clock,
    input  logic                   reset,
    input  logic [9:0]             pe_number,
    input  logic                   empty,
    input  logic [COLUMN_BITS-1:0] column,   // at the queue's head
    input  logic [15:0]            value,
    output logic                   pop,
    output logic                   busy,
    output logic                   issue,
    output logic                   begins,   // the entry is the column's first
    output logic [PTR_BITS-1:0]    address,
    output logic [15:0]            issued_value
);
  localparam BANK_WORDS = (POINTERS + 1) / 2;
  localparam BANK_BITS = COLUMN_BITS - 1;

  logic [PTR_BITS-1:0] even, odd, next, past;
  logic starts_odd, last;

  memory #(
      .WIDTH(PTR_BITS), .WORDS(BANK_WORDS), .NAME("ptr_even")
  ) even_bank (
      .clock(clock),
      .reset(reset),
      .pe_number(pe_number),
      .read(pop),
      .address(column[COLUMN_BITS-1:1] + BANK_BITS'(column[0])),
      .word(even)
  );
  memory #(
      .WIDTH(PTR_BITS), .WORDS(BANK_WORDS), .NAME("ptr_odd")
  ) odd_bank (
      .clock(clock),
      .reset(reset),
      .pe_number(pe_number),
      .read(pop),
      .address(column[COLUMN_BITS-1:1]),
      .word(odd)
  );

  // the banks keep their words until the next pop, which comes with the last entry
  assign past = starts_odd ? even : odd;
  assign address = !begins ? next : starts_odd ? odd : even;
  assign issue = busy && address != past;
  assign last = past - address <= 1;
  assign pop = !empty && (!busy || last);

  always_ff @(posedge clock)
    if (reset) begin
      busy   <= 1'b0;
      begins <= 1'b0;
    end else begin
      busy   <= pop || (busy && !last);
      begins <= pop;
      next   <= address + 1;
      if (pop) begin
        starts_odd   <= column[0];
        issued_value <= value;
      end
    end
endmodule
