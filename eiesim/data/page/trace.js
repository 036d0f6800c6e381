
// The viewer of a trace: data first, then the picture.
const [ENTRY, PADDING, EMPTY, SCAN, QUEUE, DRAM, DRAINED, NOTHING] = [0, 1, 2, 3, 4, 5, 6, 7];
const show = (number) => number.toLocaleString("en");
const limit = (value, least, most) => Math.max(least, Math.min(most, value));

function unpack(text) {
  const values = [];
  let value = 0;
  let shift = 0;
  for (const letter of atob(text)) {
    const octet = letter.charCodeAt(0);
    value += (octet & 127) << shift;
    shift += 7;
    if (octet < 128) {
      values.push(value);
      value = shift = 0;
    }
  }
  return values;
}

// How many of some ascending numbers are below a limit.
function countBelow(values, bound) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

class Trace {
  constructor(data) {
    this.first = data.first_cycle;
    this.last = data.last_cycle;
    this.length = this.last + 1 - this.first;
    this.scanCycles = data.scan_cycles;
    this.usable = data.usable_slots;
    this.lead = data.lead_cycles;
    this.pes = data.pes;
    this.slowest = data.slowest;
    let cycle = 0;
    this.push = unpack(data.push).map((gap) => (cycle += gap));
    this.column = unpack(data.column);
    this.kinds = new Uint8Array(this.pes.length * this.length).fill(NOTHING);
    this.readColumns(data.columns.map(unpack));
    this.readWaits(data.waits.map(unpack));
    this.readPadding(data.padding.map(unpack));
    this.readScan(data.stalls.map(unpack));
    this.full = this.countFull();
  }

  fill(row, start, end, kind) {
    const [from, to] = [Math.max(start, this.first), Math.min(end, this.last + 1)];
    const at = row * this.length - this.first;
    if (from < to) this.kinds.fill(kind, at + from, at + to);
  }

  // Spans of each PE: start, end and place in the arrays.
  each(numbers, gaps, lengthOf, act) {
    let place = 0;
    numbers.forEach((number, row) => {
      let cycle = 0;
      for (const end = place + number; place < end; place += 1) {
        const start = cycle + gaps[place];
        cycle = start + lengthOf(place);
        act(row, start, cycle, place);
      }
    });
  }

  readColumns([numbers, items, gaps, entries]) {
    this.items = items;
    this.starts = numbers.map(() => []);
    this.entries = numbers.map(() => []);
    this.each(numbers, gaps, (place) => Math.max(entries[place], 1), (row, start, end, place) => {
      this.starts[row].push(start);
      this.entries[row].push(entries[place]);
      this.fill(row, start, end, entries[place] ? ENTRY : EMPTY);
    });
  }

  readWaits([numbers, gaps, lengths, causes]) {
    this.each(numbers, gaps, (place) => lengths[place], (row, start, end, place) =>
      this.fill(row, start, end, SCAN + causes[place]));
  }

  readPadding([numbers, gaps]) {
    this.each(numbers, gaps, () => 1, (row, start, end) => this.fill(row, start, end, PADDING));
  }

  // What the control unit does in each cycle.
  readScan([gaps, lengths, causes]) {
    this.scan = Uint8Array.from({ length: this.length }, (_, at) =>
      this.first + at <= this.scanCycles ? SCAN : DRAINED);
    this.each([gaps.length], gaps, (place) => lengths[place], (_, start, end, place) => {
      const from = Math.max(start - this.first, 0);
      this.scan.fill(SCAN + causes[place], from, Math.max(end - this.first, from));
    });
    for (const cycle of this.push) {
      if (cycle >= this.first && cycle <= this.last) this.scan[cycle - this.first] = ENTRY;
    }
  }

  kind(row, cycle) {
    return this.kinds[row * this.length + cycle - this.first];
  }

  // Activations in a queue when a cycle begins.
  level(row, cycle) {
    const pushed = countBelow(this.push, cycle) - this.items[row];
    return limit(pushed, 0, this.starts[row].length) - countBelow(this.starts[row], cycle + 1);
  }

  listLevels(row) {
    const change = new Int32Array(this.length + 1);
    const note = (cycle, by) => {
      if (cycle <= this.last) change[Math.max(cycle - this.first, 0)] += by;
    };
    this.starts[row].forEach((start, place) => {
      note(this.push[this.items[row] + place] + 1, 1);
      note(start, -1);
    });
    for (let at = 1; at < this.length; at += 1) change[at] += change[at - 1];
    return change.subarray(0, this.length);
  }

  countFull() {
    const full = new Uint16Array(this.length);
    this.pes.forEach((_, row) =>
      this.listLevels(row).forEach((level, at) => (full[at] += level >= this.usable)));
    return full;
  }

  listFull(cycle) {
    return this.pes.filter((_, row) => this.level(row, cycle) >= this.usable);
  }

  // Column that a PE has in a cycle, with the entry that is issued; null for none.
  find(row, cycle) {
    const place = countBelow(this.starts[row], cycle + 1) - 1;
    if (place < 0 || this.kind(row, cycle) > EMPTY) return null;
    const column = this.column[this.items[row] + place];
    return { column, entry: cycle - this.starts[row][place] + 1, entries: this.entries[row][place] };
  }

  tellFull(cycle) {
    const full = this.listFull(cycle);
    if (!full.length) return "a queue of a PE that is not on this page is full";
    const names = full.slice(0, 12).join(", ") + (full.length > 12 ? " and others" : "");
    return full.length > 1 ? `${full.length} queues are full: PE ${names}` : `the queue of PE ${names} is full`;
  }

  tellScan(cycle) {
    const next = this.column[countBelow(this.push, cycle)];
    const held = next === undefined ? "the next activation" : `a${next}`;
    return {
      [ENTRY]: `broadcasts ${held} into all queues`,
      [SCAN]: "has no activation to send: the next row is loaded",
      [QUEUE]: `holds the broadcast of ${held}: ${this.tellFull(cycle)}`,
      [DRAM]: `holds the broadcast of ${held} until DRAM has sent its data`,
      [DRAINED]: "has sent every activation",
    }[this.scan[cycle - this.first]];
  }

  tellPe(row, cycle) {
    const kind = this.kind(row, cycle);
    const found = this.find(row, cycle);
    if (found && kind === EMPTY) return `passes over column ${found.column}, in which it has no entry`;
    if (found) {
      const zero = kind === PADDING ? ", a padding zero" : "";
      return `issues entry ${found.entry} of ${found.entries} of column ${found.column}${zero}`;
    }
    if (kind === DRAINED) return "has done its last column";
    const cause = { [SCAN]: "the scan", [QUEUE]: "a full queue", [DRAM]: "DRAM" }[kind];
    const then = cycle - this.lead;
    if (then < 1) return `is starved by ${cause}: nothing can have come yet`;
    const why = then >= this.first ? ` the control unit ${this.tellPast(then)}` : " before this page begins";
    return `is starved by ${cause}: in cycle ${show(then)}${why}`;
  }

  tellPast(cycle) {
    const why = this.tellScan(cycle);
    return why.replace("broadcasts", "broadcast").replace("holds", "held").replace("has no", "had no")
      .replace("has sent", "had sent").replaceAll(" are full", " were full").replace(" is full", " was full")
      .replace("is loaded", "was loaded");
  }

  // What is to be known of a cell, a line each.
  tell(row, cycle) {
    return [
      `Cycle ${show(cycle)}, PE ${this.pes[row]}`,
      `It ${this.tellPe(row, cycle)}.`,
      `Its queue holds ${this.level(row, cycle)} of ${this.usable}; ${this.full[cycle - this.first]} ` +
        `of ${this.pes.length} queues are full.`,
      `The control unit ${this.tellScan(cycle)}.`,
    ];
  }
}
