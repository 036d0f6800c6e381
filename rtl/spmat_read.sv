// Step 4 of the contract: sparse-matrix read, one cycle behind pointer read. A word is read when the
// entry lies in another word than the one latched; with ACROSS_COLUMNS = 0, at each column's first
// entry, too. The entry is handed on in the next cycle, out of the SRAM's output. Entry 0 of a word is
// in its lowest bits; an entry is {relative index, code}.
module spmat_read #(
    parameter PTR_BITS = 16,
    parameter SPMAT_WIDTH = 64,
    parameter ENTRY_BITS = 8,
    parameter WORDS = 16384,
    parameter WORD_BITS = 14,
    parameter ACROSS_COLUMNS = 1
) (
    input  logic                  clock,
    input  logic                  reset,
    input  logic [9:0]            pe_number,
    input  logic                  issue,
    input  logic                  begins,
    input  logic [PTR_BITS-1:0]   address,
    input  logic [15:0]           value,
    output logic                  busy,
    output logic                  read,
    output logic [WORD_BITS-1:0]  number,     // of the word that is read
    output logic                  valid,
    output logic                  entry_begins,
    output logic [ENTRY_BITS-1:0] entry,
    output logic [15:0]           entry_value
);
  localparam ENTRIES = SPMAT_WIDTH / ENTRY_BITS;
  localparam PLACE_BITS = ENTRIES > 1 ? $clog2(ENTRIES) : 1;

  logic reading_begins, latched;
  logic [PTR_BITS-1:0] reading_address;
  logic [15:0] reading_value;
  logic [WORD_BITS-1:0] latched_number;
  logic [PLACE_BITS-1:0] place;
  logic [SPMAT_WIDTH-1:0] word;
  logic [ENTRY_BITS-1:0] entries[0:(1<<PLACE_BITS)-1];

  memory #(
      .WIDTH(SPMAT_WIDTH), .WORDS(WORDS), .NAME("spmat")
  ) sram (
      .clock(clock),
      .reset(reset),
      .pe_number(pe_number),
      .read(read),
      .address(number),
      .word(word)
  );

  assign number = WORD_BITS'(32'(reading_address) / ENTRIES);
  assign read = busy && (!latched || number != latched_number
                         || (ACROSS_COLUMNS == 0 && reading_begins));

  genvar k;
  generate
    for (k = 0; k < 1 << PLACE_BITS; k = k + 1) begin : places
      if (k < ENTRIES) begin : held
        assign entries[k] = word[ENTRY_BITS*k+:ENTRY_BITS];
      end else begin : none
        assign entries[k] = 0;
      end
    end
    if (ENTRIES * ENTRY_BITS < SPMAT_WIDTH) begin : left_over
      logic unused;
      assign unused = &{1'b0, word[SPMAT_WIDTH-1:ENTRIES*ENTRY_BITS]};
    end
  endgenerate
  assign entry = entries[place];

  always_ff @(posedge clock)
    if (reset) begin
      busy <= 1'b0;
      valid <= 1'b0;
      latched <= 1'b0;
    end else begin
      busy <= issue;
      valid <= busy;
      if (read) begin
        latched <= 1'b1;
        latched_number <= number;
      end
    end

  always_ff @(posedge clock) begin
    reading_begins <= begins;
    reading_address <= address;
    reading_value <= value;
    entry_begins <= reading_begins;
    entry_value <= reading_value;
    place <= PLACE_BITS'(32'(reading_address) % ENTRIES);
  end
endmodule
