// Steps 1 and 2 of the contract: the wires from the control unit to all queues. What is sent arrives
// LATENCY cycles later; a new broadcast may be sent in every cycle.
module broadcast #(
    parameter LATENCY = 0,
    parameter WIDTH = 29
) (
    input  logic             clock,
    input  logic             reset,
    input  logic             send,
    input  logic [WIDTH-1:0] sent,
    output logic             arrive,
    output logic [WIDTH-1:0] arrived
);
  generate
    if (LATENCY == 0) begin : direct
      logic unused;
      assign unused = &{1'b0, clock, reset};
      assign arrive = send;
      assign arrived = sent;
    end else begin : pipeline
      logic [LATENCY-1:0] valid;
      logic [WIDTH-1:0] stages[0:LATENCY-1];
      assign arrive = valid[LATENCY-1];
      assign arrived = stages[LATENCY-1];
      integer k;
      always_ff @(posedge clock) begin
        valid <= reset ? 0 : LATENCY'({valid, send});
        stages[0] <= sent;
        for (k = 1; k < LATENCY; k = k + 1) stages[k] <= stages[k-1];
      end
    end
  endgenerate
endmodule
