// Step 1 of the contract: a node of the detector's tree. Of four children, it hands on the first one
// that has found a non-zero, and the lane in which that one lies.
module lnzd_node #(
    parameter LANE_BITS = 6
) (
    input  logic [3:0]             founds,
    input  logic [4*LANE_BITS-1:0] lanes,
    output logic                   found,
    output logic [LANE_BITS-1:0]   lane
);
  assign found = |founds;
  assign lane = founds[0] ? lanes[0*LANE_BITS+:LANE_BITS]
              : founds[1] ? lanes[1*LANE_BITS+:LANE_BITS]
              : founds[2] ? lanes[2*LANE_BITS+:LANE_BITS]
              :             lanes[3*LANE_BITS+:LANE_BITS];
endmodule
