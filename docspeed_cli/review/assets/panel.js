import { byId, element, setSide, shown } from "./dom.js";

// The values in blocks: rows and tables. Long lists are made in slices, so that the page answers at once.

const CHUNK = 50;
const SLICE_MS = 12;
const ROW_HEIGHT = 32;
const LONG = 20;
const NUMBER = /^[^\p{L}]{0,4}[-+(]?\d[\d.,'’\s]*%?\)?$/u;

function pagesOf(places) {
  const pages = [...new Set(places.map((place) => place.page))];
  if (!pages.length) return "";
  return pages.length > 1 ? `p. ${Math.min(...pages)}–${Math.max(...pages)}` : `p. ${pages[0]}`;
}

function kindOf(text) {
  if (text.length > LONG) return "long";
  return NUMBER.test(text) ? "number" : undefined;
}

export class Panel {
  constructor(data, selection) {
    this.data = data;
    this.selection = selection;
    this.list = byId("blocks");
    this.nodes = new Map();
    this.grid = new Map();
    this.order = [];
    this.rows = [];
    this.tasks = [];
    this.sections = new Set();
    for (const note of data.notes) byId("notes").append(element("div", {}, shown(note)));
    byId("notes").hidden = !data.notes.length;
    if (!data.blocks.length) this.list.append(element("p", { class: "empty" }, "The result has no values."));
    for (const block of data.blocks) this.addBlock(block);
    this.list.addEventListener("click", (event) => {
      const node = event.target.closest("[data-value]");
      if (node && !String(getSelection())) selection.select(Number(node.dataset.value), "panel");
    });
    selection.addEventListener("change", ({ detail }) => this.mark(detail));
    this.done = new Promise((resolve) => { this.finish = resolve; });
    this.work();
  }

  work() {
    const end = performance.now() + SLICE_MS;
    while (this.tasks.length && performance.now() < end) this.tasks.shift()();
    if (this.tasks.length) setTimeout(() => this.work());
    else this.finish();
  }

  addBlock(block) {
    const part = element("section", { class: "block" });
    const title = element("h2", {}, shown(block.title));
    if (block.detail) title.append(element("small", {}, shown(block.detail)));
    part.append(title);
    this.list.append(part);
    if (block.kind === "text") {
      part.append(element("pre", { class: block.title === "Result" ? "prose code" : "prose" }, shown(block.text)));
      return;
    }
    const target = block.kind === "table" ? this.makeTable(block, part) : null;
    const list = target ? null : element("div", { role: "listbox", "aria-label": block.title });
    if (list) part.append(list);
    for (let start = 0; start < block.rows.length; start += CHUNK) {
      const rows = block.rows.slice(start, start + CHUNK);
      this.tasks.push(() => (target ? this.addTableRows(target, rows) : this.addRows(list, block, rows)));
    }
  }

  // -- rows with one value

  addRows(list, block, rows) {
    const chunk = element("div", { class: "chunk", role: "presentation" });
    setSide(chunk, { "--tall": `${rows.length * ROW_HEIGHT}px` });
    for (const [index] of rows) chunk.append(this.makeRow(block, index));
    list.append(chunk);
  }

  makeRow(block, index) {
    const value = this.data.values[index];
    const node = element("div", { class: block.kind === "fields" ? "row" : "row plain", role: "option", tabIndex: -1, "aria-selected": "false" });
    node.dataset.value = index;
    if (block.kind === "fields") node.append(element("span", { class: "label" }, shown(value.label)));
    const text = element("span", { class: "text" }, this.textOf(value));
    if (block.kind !== "fields" && value.label) text.prepend(element("span", { class: "tag" }, shown(value.label)));
    node.append(text, block.kind === "lines" ? "" : element("span", { class: "page" }, pagesOf(value.places)));
    if (block.kind === "sections") this.sections.add(value);
    this.keep(index, node, this.order.length, 0);
    this.rows.push({ node, values: [index] });
    return node;
  }

  textOf(value) {
    if (value.is_missing) return element("span", { class: "missing" }, "not found");
    return value.text ? shown(value.text) : element("span", { class: "missing" }, "(empty)");
  }

  // -- tables

  makeTable(block, part) {
    const table = element("table", { role: "grid", "aria-label": block.title });
    if (block.columns.length) {
      const heads = block.columns.map((name) => element("th", { scope: "col" }, shown(name)));
      table.append(element("thead", {}, element("tr", {}, ...heads)));
    }
    part.append(element("div", { class: "table" }, table));
    return table;
  }

  addTableRows(table, rows) {
    const body = element("tbody");
    for (const indexes of rows) {
      const line = this.order.length;
      const cells = indexes.map((index, column) => this.makeCell(index, line, column));
      const node = element("tr", {}, ...cells);
      this.rows.push({ node, values: indexes.filter((index) => index !== null) });
      body.append(node);
    }
    table.append(body);
  }

  makeCell(index, line, column) {
    if (index === null) return element("td");
    const value = this.data.values[index];
    const node = element("td", { tabIndex: -1, "aria-selected": "false", class: kindOf(value.text) });
    node.append(value.is_missing ? element("span", { class: "missing" }, "–") : shown(value.text));
    node.dataset.value = index;
    this.keep(index, node, line, column);
    return node;
  }

  keep(index, node, line, column) {
    this.nodes.set(index, node);
    (this.order[line] ??= [])[column] = index;
    this.grid.set(index, [line, column]);
    if (this.nodes.size === 1) node.tabIndex = 0;
  }

  // -- the selected value

  mark({ value, before, origin }) {
    const [old, node] = [this.nodes.get(before), this.nodes.get(value)];
    if (old) { old.setAttribute("aria-selected", "false"); old.tabIndex = -1; }
    if (node) {
      const first = before === null && this.nodes.values().next().value;
      if (first) first.tabIndex = -1;
      node.setAttribute("aria-selected", "true");
      node.tabIndex = 0;
      node.scrollIntoView({ block: origin === "panel" ? "nearest" : "center", inline: "nearest" });
      if (origin !== "page") node.focus({ preventScroll: true });
    }
    this.describe(this.data.values[value]);
  }

  describe(value) {
    const detail = byId("detail");
    detail.hidden = !value;
    if (!value) return;
    const where = this.placesText(value);
    detail.replaceChildren(
      element("div", { class: "key" }, shown(value.key)),
      element("div", { class: "detail-text" }, this.textOf(value)),
      element("div", { class: "about" }, where, value.quote && value.quote !== value.text ? " · read from “" : "",
        value.quote && value.quote !== value.text ? shown(value.quote) : "", value.quote && value.quote !== value.text ? "”" : ""),
    );
  }

  placesText(value) {
    if (!value.places.length) return value.is_missing ? "The document does not have it." : "The result does not say where it was read.";
    const boxes = value.places.some((place) => place.boxes.length);
    const found = value.places.some((place) => place.is_found);
    const range = pagesOf(value.places).replace("p. ", "");
    const pages = range.includes("–") ? `Pages ${range}` : `Page ${range}`;
    if (found) return `${pages}, found by its text`;
    return boxes || this.sections.has(value) ? pages : `${pages}, the place on it is not known`;
  }

  // -- moving

  // Moves by rows, or by columns within a table; hidden rows are passed over.
  move(rows, columns) {
    const at = this.grid.get(this.selection.current);
    if (!at) { this.selectAt(0, 0, 1, "key"); return; }
    if (columns) {
      const flat = this.order.flat();
      const next = flat[flat.indexOf(this.selection.current) + columns];
      if (next !== undefined && next !== null) this.selection.select(next, "key");
      return;
    }
    this.selectAt(at[0] + rows, at[1], Math.sign(rows), "key");
  }

  selectAt(line, column, step, origin) {
    for (let at = line; at >= 0 && at < this.order.length; at += step) {
      const indexes = this.order[at] ?? [];
      const index = indexes[Math.min(column, indexes.length - 1)];
      const node = this.nodes.get(index);
      if (node && !(node.closest("tr") ?? node).hidden) { this.selection.select(index, origin); return; }
    }
  }

  // -- searching

  search(text) {
    const wanted = text.trim().toLocaleLowerCase();
    this.hits = [];
    for (const { node, values } of this.rows) {
      let any = !wanted;
      for (const index of values) {
        const value = this.data.values[index];
        const isHit = Boolean(wanted) && `${value.label}\n${value.text}`.toLocaleLowerCase().includes(wanted);
        this.nodes.get(index).classList.toggle("hit", isHit);
        if (isHit) { this.hits.push(index); any = true; }
      }
      node.hidden = !any;
    }
    byId("found").textContent = wanted ? `${this.hits.length} of ${this.data.values.length}` : "";
    for (const part of this.list.querySelectorAll(".block")) {
      part.hidden = Boolean(wanted) && !part.querySelector("[data-value]:not([hidden]), tr:not([hidden]) > td") && !part.querySelector("pre");
    }
  }

  nextHit(step) {
    if (!this.hits?.length) return;
    const at = this.hits.indexOf(this.selection.current);
    const next = at < 0 ? (step > 0 ? 0 : this.hits.length - 1) : (at + step + this.hits.length) % this.hits.length;
    this.selection.select(this.hits[next], "search");
  }
}
