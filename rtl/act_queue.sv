// Step 2 of the contract: the activation queue, a ring of slots of which one stays empty. A broadcast
// takes its slot in the cycle in which it is sent and is written when it arrives, in the same cycle
// or, with a broadcast latency, later. What is written in a cycle is at the head in the next one.
module act_queue #(
    parameter DEPTH = 8,
    parameter WIDTH = 29
) (
    input  logic             clock,
    input  logic             reset,
    input  logic             take,     // a broadcast is sent
    input  logic             arrive,   // a broadcast is here
    input  logic [WIDTH-1:0] arrived,
    input  logic             pop,
    output logic [WIDTH-1:0] head,
    output logic             empty,    // nothing to pop
    output logic             unused,   // no slot is taken
    output logic             full
);
  localparam BITS = $clog2(DEPTH);

  logic [WIDTH-1:0] slots[0:DEPTH-1];
  logic [BITS-1:0] first, free, taken;

  assign head   = slots[first];
  assign empty  = first == free;
  assign unused = taken == 0;
  assign full   = taken == BITS'(DEPTH - 1);

  always_ff @(posedge clock)
    if (reset) begin
      first <= 0;
      free  <= 0;
      taken <= 0;
    end else begin
      if (arrive) begin
        slots[free] <= arrived;
        free <= free == BITS'(DEPTH - 1) ? 0 : free + 1;
      end
      if (pop) first <= first == BITS'(DEPTH - 1) ? 0 : first + 1;
      taken <= taken + BITS'(take) - BITS'(pop);
    end
endmodule
