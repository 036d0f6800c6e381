
const GUTTER = 52;
const SCAN_HEIGHT = 18;
const GAP = 6;
const AXIS_HEIGHT = 22;
const CHART_HEIGHT = 84;
const TITLE_HEIGHT = 18;
const ARRAY_HEIGHT = 448;
const ROW_HEIGHT = 46;
const TEXT_WIDTH = 30;
const TEXT_HEIGHT = 15;
const LEAST_CYCLES = 8;

class Viewer {
  constructor(section) {
    this.trace = new Trace(JSON.parse(section.dataset.trace));
    this.section = section;
    this.canvas = section.querySelector("canvas");
    this.pen = this.canvas.getContext("2d");
    this.row = this.trace.slowest;
    this.cycle = this.trace.first;
    this.keys = {
      ArrowLeft: (far) => this.move(far ? -this.tenth() : -1),
      ArrowRight: (far) => this.move(far ? this.tenth() : 1),
      ArrowUp: () => this.go(this.row - 1, this.cycle),
      ArrowDown: () => this.go(this.row + 1, this.cycle),
      Home: () => this.go(this.row, this.trace.first),
      End: () => this.go(this.row, this.trace.last),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      "0": () => this.showAll(),
      f: () => this.go(this.trace.slowest, this.cycle),
    };
    this.listen();
    this.showAll();
    this.tell();
  }

  listen() {
    const acts = { back: "ArrowLeft", on: "ArrowRight", in: "+", out: "-", whole: "0", slowest: "f" };
    for (const button of all("[data-act]", this.section)) {
      button.addEventListener("click", () => this.keys[acts[button.dataset.act]](false));
    }
    this.canvas.addEventListener("keydown", (event) => {
      const act = this.keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act(event.shiftKey);
    });
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerdown", (event) => this.point(event));
    this.canvas.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    const redraw = () => this.redraw();
    new ResizeObserver(redraw).observe(this.canvas);
    new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  }

  // The wheel zooms in a picture that has the focus; else it scrolls the page.
  turn(event) {
    if (document.activeElement !== this.canvas) return;
    event.preventDefault();
    const by = event.deltaY || event.deltaX;
    if (event.shiftKey || !event.deltaY) {
      this.look(this.from + Math.sign(by) * this.tenth(), this.span);
    } else {
      this.zoom(by < 0 ? 0.8 : 1.25, this.from + this.portion(event) * this.span);
    }
  }

  portion(event) {
    return limit((event.offsetX - GUTTER) / this.width(), 0, 1);
  }

  point(event) {
    const cycle = Math.floor(this.from + this.portion(event) * this.span);
    const [top, height, rows] = [SCAN_HEIGHT + GAP, this.height(), this.rows()];
    const inside = event.offsetY >= top && event.offsetY < top + height;
    const row = rows.first + Math.floor(((event.offsetY - top) / height) * rows.number);
    this.go(inside ? row : this.row, limit(cycle, Math.ceil(this.from), this.end() - 1), false);
  }

  tenth() {
    return Math.max(1, Math.round(this.span / 10));
  }

  end() {
    return this.from + this.span;
  }

  width() {
    return Math.max(this.canvas.clientWidth - GUTTER, 1);
  }

  height() {
    return Math.min(ARRAY_HEIGHT, this.trace.pes.length * ROW_HEIGHT);
  }

  // Rows that are shown: all, or where cells hold text as many as have room for it. They move no
  // more than the row that is pointed to asks for.
  rows() {
    const all = this.trace.pes.length;
    const number = this.width() / this.span < TEXT_WIDTH ? all
      : Math.min(all, Math.floor(this.height() / TEXT_HEIGHT));
    if (number !== this.shownRows) this.firstRow = this.row - (number >> 1);
    this.shownRows = number;
    const near = limit(this.firstRow, this.row - number + 1, this.row);
    this.firstRow = limit(near, 0, all - number);
    return { first: this.firstRow, number };
  }

  move(by) {
    this.go(this.row, this.cycle + by);
  }

  go(row, cycle, follow = true) {
    const { pes, first, last } = this.trace;
    this.row = limit(row, 0, pes.length - 1);
    this.cycle = limit(cycle, first, last);
    if (follow && this.cycle < this.from) this.look(this.cycle, this.span);
    else if (follow && this.cycle + 1 > this.end()) this.look(this.cycle + 1 - this.span, this.span);
    this.tell();
    this.redraw();
  }

  zoom(by, around = this.cycle + 0.5) {
    const span = limit(Math.round(this.span * by), Math.min(LEAST_CYCLES, this.trace.length), this.trace.length);
    this.look(around - ((around - this.from) / this.span) * span, span);
  }

  showAll() {
    this.look(this.trace.first, this.trace.length);
  }

  // Show `span` cycles; the first one is whole.
  look(from, span) {
    this.span = span;
    this.from = limit(Math.round(from), this.trace.first, this.trace.last + 1 - span);
    this.redraw();
  }

  tell() {
    const text = this.section.querySelector(".cell");
    text.replaceChildren(...this.trace.tell(this.row, this.cycle).map((line, at) => {
      const paragraph = document.createElement("p");
      paragraph.append(at ? line : document.createElement("b"));
      if (!at) paragraph.firstChild.textContent = line;
      return paragraph;
    }));
  }

  redraw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  readColours() {
    const style = (element) => getComputedStyle(element);
    const parse = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number);
    this.kinds = all("[data-kind]", this.section).map((one) => parse(style(one).backgroundColor));
    this.ink = style(this.section).color;
    this.soft = style(this.section.querySelector(".range")).color;
    this.paper = style(document.body).backgroundColor;
    this.kinds[NOTHING] = parse(this.paper);
  }

  draw() {
    const scale = devicePixelRatio;
    const charts = SCAN_HEIGHT + GAP + this.height() + AXIS_HEIGHT;
    const height = charts + 2 * CHART_HEIGHT;
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(this.canvas.clientWidth * scale);
    this.canvas.height = Math.round(height * scale);
    this.pen.scale(scale, scale);
    this.pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    this.readColours();
    const rows = this.rows();
    const top = SCAN_HEIGHT + GAP;
    this.paint(this.trace.scan, 0, 1, 0, SCAN_HEIGHT);
    this.paint(this.trace.kinds, rows.first, rows.number, top, this.height());
    this.letter(rows, top);
    this.drawAxes(rows, top);
    const { pes, usable, full } = this.trace;
    this.chart(charts, this.trace.listLevels(this.row), usable,
      `queue of PE ${pes[this.row]}: activations, full at ${usable}`, 0);
    const most = full.reduce((a, b) => Math.max(a, b), 0);
    this.chart(charts + CHART_HEIGHT, full, Math.max(most, 1), `full queues, of ${pes.length}`, QUEUE);
    this.mark(rows, top, height);
    const { from, span } = this;
    this.section.querySelector(".range").textContent =
      `Cycles ${show(from)} to ${show(from + span - 1)} of ${show(this.trace.last)}`;
  }

  // Cells as points: each mixes the colours of its cycles, where there are several.
  paint(kinds, first, number, top, height) {
    const scale = devicePixelRatio;
    const [wide, high] = [Math.round(this.width() * scale), Math.round(height * scale)];
    const image = new ImageData(wide, high);
    const points = new Uint32Array(image.data.buffer);
    const bounds = Array.from({ length: wide + 1 }, (_, x) =>
      Math.floor(this.from - this.trace.first + (x / wide) * this.span));
    let drawn = -1;
    for (let y = 0; y < high; y += 1) {
      const row = first + Math.floor((y / high) * number);
      if (row === drawn) points.copyWithin(y * wide, (y - 1) * wide, y * wide);
      else this.mix(kinds, row * this.trace.length, bounds, points.subarray(y * wide, (y + 1) * wide));
      drawn = row;
    }
    this.pen.putImageData(image, Math.round(GUTTER * scale), Math.round(top * scale));
  }

  mix(kinds, offset, bounds, points) {
    for (let x = 0; x < points.length; x += 1) {
      const [from, to] = [bounds[x], Math.max(bounds[x + 1], bounds[x] + 1)];
      let [red, green, blue] = [0, 0, 0];
      for (let at = from; at < to; at += 1) {
        const colour = this.kinds[kinds[offset + at]];
        red += colour[0];
        green += colour[1];
        blue += colour[2];
      }
      const many = to - from;
      points[x] = (255 << 24) | ((blue / many) << 16) | ((green / many) << 8) | (red / many);
    }
  }

  place(cycle) {
    return GUTTER + ((cycle - this.from) / this.span) * this.width();
  }

  // Close up: borders, and the column in each cell.
  letter(rows, top) {
    const wide = this.width() / this.span;
    if (wide < 4) return;
    const high = this.height() / rows.number;
    this.pen.fillStyle = this.paper;
    for (let cycle = this.from; cycle <= this.end(); cycle += 1) {
      this.pen.fillRect(this.place(cycle) - 0.5, 0, 1, top + this.height());
    }
    for (let row = 0; row <= rows.number && high >= 4; row += 1) {
      this.pen.fillRect(GUTTER, top + row * high - 0.5, this.width(), 1);
    }
    if (wide < TEXT_WIDTH) return;
    this.pen.textBaseline = "middle";
    this.pen.textAlign = "center";
    const { trace } = this;
    for (let cycle = this.from; cycle < this.end(); cycle += 1) {
      const middle = this.place(cycle + 0.5);
      if (trace.scan[cycle - trace.first] === ENTRY) {
        this.write(`a${trace.column[countBelow(trace.push, cycle)]}`, middle, SCAN_HEIGHT / 2, ENTRY);
      }
      for (let row = 0; row < rows.number && high >= 12; row += 1) {
        this.letterCell(rows.first + row, cycle, middle, top + row * high, high, wide);
      }
    }
  }

  letterCell(row, cycle, middle, y, high, wide) {
    const kind = this.trace.kind(row, cycle);
    const found = this.trace.find(row, cycle);
    const roomy = high >= 36 && wide >= 40;
    const shown = roomy && found?.entries ? `${found.column}: ${found.entry}/${found.entries}` : found?.column;
    const word = found ? shown : roomy && kind < DRAINED ? "waits" : "";
    this.write(word, middle, y + (high >= 36 ? high / 2 - 7 : high / 2), kind);
    if (high < 36) return;
    // the queue: a box an activation
    const { usable } = this.trace;
    const level = this.trace.level(row, cycle);
    const size = Math.min(7, (wide - 8) / usable - 2);
    if (size < 2) {
      this.write(`q${level}`, middle, y + high - 11, kind);
      return;
    }
    for (let slot = 0; slot < usable; slot += 1) {
      const x = middle + (slot - usable / 2) * (size + 2) + 1;
      this.pen.fillStyle = this.pen.strokeStyle = this.against(kind);
      if (slot < level) this.pen.fillRect(x, y + high - 15, size, size);
      this.pen.lineWidth = 1;
      this.pen.globalAlpha = slot < level ? 1 : 0.5;
      this.pen.strokeRect(x + 0.5, y + high - 14.5, size - 1, size - 1);
      this.pen.globalAlpha = 1;
    }
  }

  against(kind) {
    const linear = (part) => (part / 255) ** 2.2;
    const [red, green, blue] = this.kinds[kind].map(linear);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
  }

  write(word, x, y, kind) {
    this.pen.fillStyle = this.against(kind);
    this.pen.fillText(word, x, y);
  }

  drawAxes(rows, top) {
    const { pen } = this;
    const high = this.height() / rows.number;
    pen.fillStyle = this.soft;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    pen.fillText("scan", GUTTER - 6, SCAN_HEIGHT / 2);
    const every = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024].find((step) => step * high >= 14) ?? rows.number;
    for (let row = 0; row < rows.number; row += every) {
      pen.fillText(`PE ${this.trace.pes[rows.first + row]}`, GUTTER - 6, top + (row + 0.5) * high);
    }
    pen.textAlign = "center";
    const rough = (this.span / this.width()) * 45;
    const power = 10 ** Math.max(0, Math.floor(Math.log10(rough)));
    const step = Math.max(1, [1, 2, 5, 10].map((by) => by * power).find((by) => by >= rough));
    for (let cycle = Math.ceil(this.from / step) * step; cycle < this.end(); cycle += step) {
      const x = limit(this.place(cycle + 0.5), GUTTER, this.canvas.clientWidth - 18);
      pen.fillText(show(cycle), x, top + this.height() + AXIS_HEIGHT / 2);
    }
  }

  chart(top, values, most, title, kind) {
    const { pen, trace } = this;
    const base = top + CHART_HEIGHT - 4;
    const high = CHART_HEIGHT - TITLE_HEIGHT - 4;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    pen.fillStyle = this.ink;
    pen.fillText(title, GUTTER, top + TITLE_HEIGHT / 2);
    pen.textAlign = "right";
    pen.fillStyle = this.soft;
    pen.fillText(most, GUTTER - 6, base - high + 4);
    pen.fillText("0", GUTTER - 6, base - 4);
    pen.fillRect(GUTTER, base, this.width(), 1);
    pen.fillStyle = `rgb(${this.kinds[kind]})`;
    // a bar a cycle, or a point with the most of its cycles
    const bars = Math.min(this.span, Math.round(this.width()));
    for (let bar = 0; bar < bars; bar += 1) {
      const from = Math.floor(this.from - trace.first + (bar / bars) * this.span);
      const to = Math.max(from + 1, Math.floor(this.from - trace.first + ((bar + 1) / bars) * this.span));
      let value = 0;
      for (let at = from; at < to; at += 1) value = Math.max(value, values[at]);
      const tall = (value / most) * high;
      const wide = this.width() / bars;
      const [left, right] = [bar, bar + 1].map((at) => Math.round(GUTTER + at * wide));
      pen.fillRect(left, base - tall, right - left - (wide > 4 ? 1 : 0), tall);
    }
  }

  // The cell that the text is about, and its cycle in the charts.
  mark(rows, top, height) {
    const { pen } = this;
    const high = this.height() / rows.number;
    const [left, wide] = [this.place(this.cycle), Math.max(this.width() / this.span, 3)];
    if (left < GUTTER - 0.5 || this.cycle >= this.end()) return;
    pen.fillStyle = this.ink;
    pen.globalAlpha = 0.5;
    const middle = left + this.width() / this.span / 2;
    pen.fillRect(middle - 0.5, top + this.height(), 1, 4);
    pen.fillRect(middle - 0.5, top + this.height() + AXIS_HEIGHT, 1, height);
    pen.globalAlpha = 1;
    const y = top + (this.row - rows.first) * high;
    for (const [colour, line, out] of [[this.paper, 4, 1.5], [this.ink, 2, 0.5]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = line;
      pen.strokeRect(left - out, y - out, wide + 2 * out, Math.max(high, 3) + 2 * out);
    }
  }
}

const viewers = all("[data-trace]").map((section) => new Viewer(section));
