// Step 1 of the contract: leading non-zero detection over one row of activations, as a quadtree.
// 64 lanes take 16 + 4 + 1 = 21 nodes; other numbers are filled up to a power of four.
module lnzd #(
    parameter LANES = 64,
    parameter LANE_BITS = 6
) (
    input  logic [LANES-1:0]     candidates,
    output logic                 found,
    output logic [LANE_BITS-1:0] lane
);
  localparam LEVELS = LANES > 4 ? ($clog2(LANES) + 1) / 2 : 1;
  localparam BITS = 2 * LEVELS;

  genvar depth, node;
  generate
    for (depth = 0; depth <= LEVELS; depth = depth + 1) begin : level
      localparam NODES = 1 << (2 * (LEVELS - depth));
      logic [NODES-1:0] founds;
      logic [NODES*BITS-1:0] lanes;
      for (node = 0; node < NODES; node = node + 1) begin : place
        if (depth == 0) begin : leaf
          assign lanes[node*BITS+:BITS] = BITS'(node);
          if (node < LANES) begin : held
            assign founds[node] = candidates[node];
          end else begin : none
            assign founds[node] = 1'b0;
          end
        end else begin : inner
          lnzd_node #(
              .LANE_BITS(BITS)
          ) children (
              .founds(level[depth-1].founds[4*node+:4]),
              .lanes (level[depth-1].lanes[4*node*BITS+:4*BITS]),
              .found (founds[node]),
              .lane  (lanes[node*BITS+:BITS])
          );
        end
      end
    end
    if (BITS > LANE_BITS) begin : filled_up
      logic unused;
      assign unused = &{1'b0, level[LEVELS].lanes[BITS-1:LANE_BITS]};
    end
  endgenerate

  assign found = level[LEVELS].founds[0];
  assign lane  = LANE_BITS'(level[LEVELS].lanes);
endmodule
