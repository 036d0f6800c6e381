// Step 1 of the contract: the central control unit. One row of activations, one of each PE, is before
// the detector. In each cycle the next non-zero is broadcast, or waits for a full queue, or the row
// holds none any more and the next one is loaded. From the last lane, both happen in one cycle.
module ccu #(
    parameter N_PES = 64,
    parameter ROW_BITS = 8,
    parameter COLUMN_BITS = 13
) (
    input  logic                   clock,
    input  logic                   reset,
    input  logic [ROW_BITS-1:0]    rows,         // to scan, the bias's row among them
    input  logic [16*N_PES-1:0]    activations,  // of the row that is read
    input  logic                   any_full,
    output logic [ROW_BITS-1:0]    row,
    output logic                   scanning,
    output logic                   stall,
    output logic                   send,
    output logic [COLUMN_BITS-1:0] column,
    output logic [15:0]            value
);
  localparam LANE_BITS = N_PES > 1 ? $clog2(N_PES) : 1;

  logic [COLUMN_BITS-1:0] base;  // column of the row's first lane
  logic [N_PES-1:0] sent;        // lanes of this row that were broadcast
  logic [N_PES-1:0] candidates;
  logic found, next_row;
  logic [LANE_BITS-1:0] lane;

  genvar k;
  generate
    for (k = 0; k < N_PES; k = k + 1) begin : lanes
      assign candidates[k] = activations[16*k+:16] != 0 && !sent[k];
    end
  endgenerate

  lnzd #(
      .LANES(N_PES),
      .LANE_BITS(LANE_BITS)
  ) detector (
      .candidates(candidates),
      .found(found),
      .lane(lane)
  );

  assign scanning = row != rows;
  assign send = scanning && found && !any_full;
  assign stall = scanning && found && any_full;
  assign next_row = scanning && (!found || (send && lane == LANE_BITS'(N_PES - 1)));
  assign column = base + COLUMN_BITS'(lane);
  assign value = activations[16*lane+:16];

  always_ff @(posedge clock)
    if (reset) begin
      row  <= 0;
      base <= 0;
      sent <= 0;
    end else if (next_row) begin
      row  <= row + 1;
      base <= base + COLUMN_BITS'(N_PES);
      sent <= 0;
    end else if (send) sent[lane] <= 1'b1;
endmodule
