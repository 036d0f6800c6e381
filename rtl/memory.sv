// A memory that is read only while the machine computes. Each PE has five: the two pointer banks and
// the sparse-matrix SRAM (LATCHED = 1: the word appears in the cycle after the read and stays), the
// codebook and the source activations (LATCHED = 0: registers, the word appears at once).
//
// In a simulation, a reset loads it from <folder>/pe<pe_number>/<NAME>.hex, where +images=<folder>
// gives the folder. A chip loads it through a port of its own, which is left out here.
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
  logic [WIDTH-1:0] words[0:WORDS-1];

  generate
    if (LATCHED == 1) begin : sram
      always_ff @(posedge clock) if (read) word <= words[address];
    end else begin : registers
      logic unused;
      assign unused = &{1'b0, clock, read};
      assign word   = words[address];
    end
  endgenerate

`ifndef SYNTHESIS
  string folder;
  always @(posedge reset)
    if ($value$plusargs("images=%s", folder) != 0)
      $readmemh($sformatf("%s/pe%0d/%s.hex", folder, pe_number, NAME), words);
`endif
endmodule
