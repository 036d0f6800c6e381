"use strict";
// A page is complete without this script; it adds sorting, folding, CSV, copying and the theme.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const read = (cell) => cell.dataset.value ?? cell.textContent.trim();

function addButton(parent, text, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", () => act(button));
  parent.append(button);
  return button;
}

// Tables: numbers by size, texts by alphabet, what is missing last.
const missing = (text) => text === "" || text === "null";

function compare(a, b) {
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? a.localeCompare(b, "en", { numeric: true }) : difference;
}

function sort(head) {
  const row = head.parentElement;
  const column = [...row.children].indexOf(head);
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of row.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = head.closest("table").tBodies[0];
  const keyed = [...body.rows].map((line) => [read(line.cells[column]), line]);
  keyed.sort(([a], [b]) => (down && !missing(a) && !missing(b) ? -compare(a, b) : compare(a, b)));
  body.append(...keyed.map(([, line]) => line));
}

function makeCsv(table) {
  const quote = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const heads = all("th", table).map((head) => head.dataset.key);
  const lines = [...table.tBodies[0].rows].map((row) => [...row.cells].map(read));
  return [heads, ...lines].map((line) => line.map(quote).join(",") + "\n").join("");
}

function save(name, text) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
}

for (const box of all(".table")) {
  const table = box.querySelector("table");
  const tools = box.querySelector(".tools");
  for (const head of all("th", table)) {
    head.firstElementChild.addEventListener("click", () => sort(head));
  }
  const rows = table.tBodies[0].rows.length;
  const fold = Number(box.dataset.fold);
  if (fold && rows > fold) {
    const name = (open) => (open ? `Show the first ${fold}` : `Show all ${rows} rows`);
    box.classList.add("short");
    addButton(tools, name(false), (button) => {
      button.textContent = name(!box.classList.toggle("short"));
    });
  }
  addButton(tools, "CSV", () => save(`${box.dataset.name}.csv`, makeCsv(table))).title =
    "Save this table as a CSV file";
}

// Copying; where a page may not use the clipboard the text is selected.
for (const button of all(".copier")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.closest(".copy").querySelector("pre");
    try {
      await navigator.clipboard.writeText(text.textContent + "\n");
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

// Light, dark, or as the system is.
const themes = ["system", "light", "dark"];
const theme = document.querySelector(".theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "system") + 1) % 3];
  document.documentElement.dataset.theme = next;
  theme.textContent = `Theme: ${next}`;
});

// The contents stand beside the text where there is room; a link may lead into what is closed.
const contents = document.querySelector(".toc");
const wide = matchMedia("(min-width: 64rem)");
const arrange = () => (contents.open = wide.matches);
wide.addEventListener("change", arrange);
arrange();
contents.addEventListener("click", (event) => {
  if (event.target.closest("a") && !wide.matches) contents.open = false;
});

// On paper everything is open.
const opened = [];
const openAll = () => {
  for (const one of all("main details:not([open])")) {
    one.open = true;
    opened.push(one);
  }
};
const closeAgain = () => {
  for (const one of opened.splice(0)) one.open = false;
};
addEventListener("beforeprint", openAll);
addEventListener("afterprint", closeAgain);
matchMedia("print").addEventListener("change", (event) => (event.matches ? openAll() : closeAgain()));
