// The whole machine: N_PES processing elements and the central control unit on one clock. Cycle 1 is
// the first one after the reset. Vectors of several PEs have PE 0 in their lowest bits; those from
// `send` to `write_values` show what happens in each cycle, for whoever compares.
module eie #(
    parameter N_PES = 64,
    parameter QUEUE_DEPTH = 8,
    parameter SPMAT_WIDTH = 64,
    parameter INDEX_BITS = 4,
    parameter CODE_BITS = 4,
    parameter PTR_BITS = 16,
    parameter WORDS = 16384,         // of a PE's sparse-matrix SRAM
    parameter ACCUMULATORS = 64,     // of a PE
    parameter SOURCE_ROWS = 65,      // activations of a PE, the bias's row among them
    parameter WEIGHT_FRACTION_BITS = 12,
    parameter LATENCY = 0,           // cycles of a broadcast
    parameter ACROSS_COLUMNS = 1,    // a sparse-matrix word stays latched over columns
    localparam COLUMNS = N_PES * SOURCE_ROWS,
    localparam COLUMN_BITS = COLUMNS > 1 ? $clog2(COLUMNS + 1) : 2,
    localparam WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1,
    localparam SOURCE_BITS = $clog2(SOURCE_ROWS + 1),
    localparam ROW_BITS = ACCUMULATORS > 1 ? $clog2(ACCUMULATORS) : 1
) (
    input  logic                         clock,
    input  logic                         reset,
    input  logic [SOURCE_BITS-1:0]       rows,         // to scan, the bias's row among them
    output logic [31:0]                  cycles,       // of the run, once it is done
    output logic                         done,
    input  logic [ROW_BITS-1:0]          output_row,
    output logic [16*N_PES-1:0]          outputs,      // accumulator output_row of each PE
    output logic                         send,
    output logic                         stall,
    output logic [COLUMN_BITS-1:0]       send_column,
    output logic [N_PES-1:0]             ptr_reads,
    output logic [COLUMN_BITS*N_PES-1:0] ptr_columns,
    output logic [N_PES-1:0]             word_reads,
    output logic [WORD_BITS*N_PES-1:0]   word_numbers,
    output logic [N_PES-1:0]             bypasses,
    output logic [N_PES-1:0]             writes,
    output logic [ROW_BITS*N_PES-1:0]    write_rows,
    output logic [16*N_PES-1:0]          write_values
);
  logic [SOURCE_BITS-1:0] source_row;
  logic [16*N_PES-1:0] activations;
  logic [15:0] send_value;
  logic [N_PES-1:0] full, idle, leaving;
  logic scanning, arrive;
  logic [COLUMN_BITS+16-1:0] arrived;

  ccu #(
      .N_PES(N_PES), .ROW_BITS(SOURCE_BITS), .COLUMN_BITS(COLUMN_BITS)
  ) control (
      .clock(clock), .reset(reset), .rows(rows), .activations(activations), .any_full(|full),
      .row(source_row), .scanning(scanning), .stall(stall), .send(send), .column(send_column),
      .value(send_value)
  );

  broadcast #(
      .LATENCY(LATENCY), .WIDTH(COLUMN_BITS + 16)
  ) wires (
      .clock(clock), .reset(reset), .send(send), .sent({send_column, send_value}),
      .arrive(arrive), .arrived(arrived)
  );

  genvar k;
  generate
    for (k = 0; k < N_PES; k = k + 1) begin : pes
      pe #(
          .QUEUE_DEPTH(QUEUE_DEPTH), .SPMAT_WIDTH(SPMAT_WIDTH), .CODE_BITS(CODE_BITS),
          .INDEX_BITS(INDEX_BITS), .PTR_BITS(PTR_BITS), .POINTERS(COLUMNS + 1),
          .COLUMN_BITS(COLUMN_BITS), .WORDS(WORDS), .WORD_BITS(WORD_BITS),
          .SOURCE_ROWS(SOURCE_ROWS), .SOURCE_BITS(SOURCE_BITS), .ACCUMULATORS(ACCUMULATORS),
          .ROW_BITS(ROW_BITS), .WEIGHT_FRACTION_BITS(WEIGHT_FRACTION_BITS),
          .ACROSS_COLUMNS(ACROSS_COLUMNS)
      ) element (
          .clock(clock), .reset(reset), .pe_number(10'(k)), .source_row(source_row),
          .activation(activations[16*k+:16]), .take(send), .arrive(arrive), .arrived(arrived),
          .full(full[k]), .idle(idle[k]),
          .ptr_read(ptr_reads[k]), .ptr_column(ptr_columns[COLUMN_BITS*k+:COLUMN_BITS]),
          .word_read(word_reads[k]), .word_number(word_numbers[WORD_BITS*k+:WORD_BITS]),
          .bypass(bypasses[k]), .leaving(leaving[k]),
          .write(writes[k]), .write_row(write_rows[ROW_BITS*k+:ROW_BITS]),
          .write_value(write_values[16*k+:16]),
          .output_row(output_row), .out(outputs[16*k+:16])
      );
    end
  endgenerate

  // Step 6 of the contract: the run ends with the cycle that sees the last write, or, if there was no
  // entry at all, with the scan.
  logic [31:0] now, drained_at, scan_cycles;
  assign done   = !scanning && &idle;
  assign cycles = drained_at != 0 ? drained_at : scan_cycles;
  always_ff @(posedge clock)
    if (reset) begin
      now <= 1;
      drained_at <= 0;
      scan_cycles <= 0;
    end else begin
      now <= now + 1;
      if (|leaving) drained_at <= now + 1;
      if (scanning) scan_cycles <= now;
    end
endmodule
