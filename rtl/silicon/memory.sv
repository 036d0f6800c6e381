// memory.sv for synthesis. The SRAMs are black boxes; what is left of the memories, codebook and source
// activations, is registers. Something has to load those, or synthesis takes them away: while `reset`
// is 1 they are one long shift register, fed by the lowest bit of `pe_number`, the last word's highest
// bit first.
module memory #(
    parameter WIDTH = 16,
    parameter WORDS = 16,
    parameter LATCHED = 1,
    parameter NAME = "spmat",
    localparam ADDRESS_BITS = WORDS > 1 ? $clog2(WORDS) : 1
) (
    input  logic                    clock,
    input  logic                    reset,
    input  logic [9:0]              pe_number,
    input  logic                    read,
    input  logic [ADDRESS_BITS-1:0] address,
    output logic [WIDTH-1:0]        word
);
  generate
    if (LATCHED == 1) begin : sram
      sram #(
          .WIDTH(WIDTH), .ADDRESS_BITS(ADDRESS_BITS)
      ) array (
          .clock(clock), .read(read), .address(address), .word(word)
      );
    end else begin : registers
      logic [WIDTH*WORDS-1:0] bits;
      always_ff @(posedge clock) if (reset) bits <= {bits[WIDTH*WORDS-2:0], pe_number[0]};
      assign word = bits[WIDTH*address+:WIDTH];
    end
  endgenerate
endmodule

(* blackbox *)
module sram #(
    parameter WIDTH = 16,
    parameter ADDRESS_BITS = 4
) (
    input  logic                    clock,
    input  logic                    read,
    input  logic [ADDRESS_BITS-1:0] address,
    output logic [WIDTH-1:0]        word
);
endmodule
