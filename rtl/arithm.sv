// Step 5 of the contract: the arithmetic unit, four stages, one entry a cycle:
//   1  codebook look-up and address accumulation
//   2  accumulator read and multiplication
//   3  shift and add: rounded half up, saturated
//   4  accumulator write
// An accumulator whose last write is still in stage 3 or 4 is taken from there: a bypass. Padding
// zeros, of code 0, take their cycle and write nothing.
module arithm #(
    parameter CODE_BITS = 4,
    parameter INDEX_BITS = 4,
    parameter ROW_BITS = 6,
    parameter WEIGHT_FRACTION_BITS = 12
) (
    input  logic                            clock,
    input  logic                            reset,
    input  logic [9:0]                      pe_number,
    input  logic                            valid,
    input  logic                            begins,
    input  logic [CODE_BITS+INDEX_BITS-1:0] entry,        // {relative index, code}
    input  logic signed [15:0]              value,
    output logic [ROW_BITS-1:0]             read_row,
    input  logic signed [15:0]              accumulator,  // of read_row
    output logic                            busy,
    output logic                            bypass,
    output logic                            leaving,      // an entry is in stage 4
    output logic                            write,
    output logic [ROW_BITS-1:0]             write_row,
    output logic signed [15:0]              write_value
);
  localparam logic signed [32:0] HALF = (33'sd1 <<< WEIGHT_FRACTION_BITS) >>> 1;

  logic valid2, valid3, writes2, writes3, from3, from4;
  logic [CODE_BITS-1:0] code;
  logic [ROW_BITS-1:0] row, last_row, row2, row3;
  logic signed [15:0] weight, weight2, value2, so_far, so_far3, total;
  logic signed [31:0] product;
  logic signed [32:0] sum;

  // stage 1
  assign code = entry[CODE_BITS-1:0];
  assign row = ROW_BITS'(entry[CODE_BITS+:INDEX_BITS]) + (begins ? 0 : last_row + 1);
  memory #(
      .WIDTH(16), .WORDS(1 << CODE_BITS), .LATCHED(0), .NAME("codebook")
  ) codebook (
      .clock(clock),
      .reset(reset),
      .pe_number(pe_number),
      .read(valid),
      .address(code),
      .word(weight)
  );

  // stage 2
  assign read_row = row2;
  assign from3 = writes3 && row3 == row2;
  assign from4 = write && write_row == row2;
  assign bypass = writes2 && (from3 || from4);
  assign so_far = from3 ? total : from4 ? write_value : accumulator;

  // stage 3
  assign sum = ((33'(product) + HALF) >>> WEIGHT_FRACTION_BITS) + 33'(so_far3);
  assign total = sum > 33'sd32767 ? 16'sh7fff : sum < -33'sd32768 ? 16'sh8000 : 16'(sum);

  assign busy = valid || valid2 || valid3 || leaving;

  always_ff @(posedge clock) begin
    valid2 <= valid && !reset;
    valid3 <= valid2 && !reset;
    leaving <= valid3 && !reset;
    writes2 <= valid && code != 0 && !reset;
    writes3 <= writes2 && !reset;
    write <= writes3 && !reset;
  end

  always_ff @(posedge clock) begin
    if (valid) last_row <= row;
    row2 <= row;
    weight2 <= weight;
    value2 <= value;
    row3 <= row2;
    product <= weight2 * value2;
    so_far3 <= so_far;
    write_row <= row3;
    write_value <= total;
  end
endmodule
