// Units that are synthesised by themselves: what Table I and Hennessy and Patterson give numbers for.
module multiplier #(
    parameter BITS = 16
) (
    input  logic signed [BITS-1:0]   a,
    input  logic signed [BITS-1:0]   b,
    output logic signed [2*BITS-1:0] product
);
  assign product = a * b;
endmodule

module adder #(
    parameter BITS = 16
) (
    input  logic [BITS-1:0] a,
    input  logic [BITS-1:0] b,
    output logic [BITS-1:0] sum
);
  assign sum = a + b;
endmodule
