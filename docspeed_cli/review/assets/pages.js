import { byId, element, setSide, shown } from "./dom.js";

// The documents: their pages one below the other, thumbnails, and the places of the values.

const ZOOMS = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4];

// A picture is in an element of the page, or at a URL of the server.
function sourceOf(image) {
  if (!image.startsWith("#")) return { url: image };
  const holder = byId(image.slice(1));
  return { url: holder?.textContent ? `data:image/jpeg;base64,${holder.textContent}` : "", problem: holder?.dataset.problem ?? "" };
}

// Pages are drawn when they are scrolled to; the first one at once, so that a saved picture of the window shows it.
function whenDrawn(page) {
  return page.number === 1 ? { decoding: "sync", loading: "eager" } : { decoding: "async", loading: "lazy" };
}

export class Pages {
  constructor(data, selection) {
    this.data = data;
    this.selection = selection;
    this.scroller = byId("pages");
    this.sheets = new Map();
    this.places = new Map();
    this.document = 0;
    this.zoom = 1;
    data.documents.forEach((document, index) => this.addDocument(document, index));
    data.values.forEach((value, index) => this.addPlaces(value, index));
    this.addTabs();
    this.show(0);
    this.scroller.addEventListener("click", (event) => {
      const place = event.target.closest(".place");
      if (place) selection.select(Number(place.dataset.value), "page");
    });
    let waiting = false;
    this.scroller.addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; this.markPage(); });
    }, { passive: true });
    selection.addEventListener("change", ({ detail }) => this.mark(detail));
  }

  get isEmpty() { return this.data.documents.every((document) => !document.pages.length); }

  key(document, page) { return `${document}-${page}`; }

  addDocument(document, index) {
    const part = element("div", { class: "document", hidden: true });
    if (document.note) part.append(element("p", { class: "document-note" }, shown(document.note)));
    for (const page of document.pages) part.append(this.makeSheet(page, index));
    this.scroller.append(part);
  }

  makeSheet(page, index) {
    const sheet = element("section", { class: "sheet", "aria-label": `Page ${page.number}` });
    setSide(sheet, { "aspect-ratio": `${page.width} / ${page.height}`, "--ratio": page.width / page.height });
    const entry = { sheet, page, url: "" };
    if (page.image) {
      const { url, problem } = sourceOf(page.image);
      entry.url = url;
      if (url) sheet.append(element("img", { src: url, alt: `Page ${page.number}`, ...whenDrawn(page), draggable: false, onerror: ({ target }) => this.explain(target) }));
      else sheet.append(this.makeProblem(problem));
    }
    for (const [box, text] of page.pieces) sheet.append(this.makePiece(page, box, text));
    if (page.text) sheet.append(element("pre", { tabIndex: 0 }, shown(page.text)));
    this.sheets.set(this.key(index, page.number), entry);
    return sheet;
  }

  makeProblem(problem) { return element("p", { class: "problem" }, shown(problem || "This page can't be shown.")); }

  // Says why the server has no picture of a page.
  async explain(image) {
    let problem = "";
    if (!image.src.startsWith("data:")) problem = await fetch(image.src).then((answer) => answer.json()).then((content) => content.problem, () => "");
    image.replaceWith(this.makeProblem(problem));
  }

  // The size of the text follows the size of its box, in hundredths of the page's width.
  makePiece(page, box, text) {
    const piece = element("div", { class: "piece" }, shown(text));
    const tall = ((box[3] - box[1]) * page.height) / page.width;
    const lines = text.split("\n").length;
    const wide = ((box[2] - box[0]) * 170) / Math.max(...text.split("\n").map((line) => line.length), 1);
    setSide(piece, {
      left: `${box[0] * 100}%`, top: `${box[1] * 100}%`, width: `${(box[2] - box[0]) * 100}%`,
      "font-size": `${Math.min((tall * 85) / lines, wide)}cqw`, "line-height": "1.15",
    });
    return piece;
  }

  addPlaces(value, index) {
    const made = [];
    for (const place of value.places) {
      const entry = this.sheets.get(this.key(place.document, place.page));
      if (!entry) continue;
      for (const box of place.boxes) {
        const area = element("div", { class: place.is_found ? "place found" : "place", title: value.label });
        area.dataset.value = index;
        setSide(area, {
          left: `${box[0] * 100}%`, top: `${box[1] * 100}%`,
          width: `${(box[2] - box[0]) * 100}%`, height: `${(box[3] - box[1]) * 100}%`,
        });
        entry.sheet.append(area);
        made.push(area);
      }
      if (!place.boxes.length) made.push(entry.sheet);
    }
    if (made.length) this.places.set(index, made);
  }

  addTabs() {
    const { documents } = this.data;
    if (documents.length < 2) return;
    documents.forEach((document, index) => {
      byId("tabs").append(element("button", { onclick: () => this.show(index) }, shown(document.name || `Document ${index + 1}`)));
    });
  }

  show(index) {
    this.document = index;
    [...this.scroller.children].forEach((part, number) => { part.hidden = number !== index; });
    [...byId("tabs").children].forEach((tab, number) => tab.setAttribute("aria-current", number === index));
    this.scroller.scrollTop = 0;
    this.fillThumbnails();
    this.markPage();
  }

  turnDocument(step) {
    const count = this.data.documents.length;
    this.show((this.document + step + count) % count);
  }

  fillThumbnails() {
    const strip = byId("thumbnails");
    strip.replaceChildren();
    const { pages } = this.data.documents[this.document];
    strip.hidden = pages.length < 2;
    for (const page of pages) {
      const { url } = this.sheets.get(this.key(this.document, page.number));
      const frame = element("span", {}, url ? element("img", { src: url, alt: "", ...whenDrawn(page) }) : "");
      setSide(frame, { "aspect-ratio": `${page.width} / ${page.height}` });
      const button = element("button", { "aria-label": `Page ${page.number}`, onclick: () => this.goTo(page.number) }, frame, String(page.number));
      button.dataset.page = page.number;
      strip.append(button);
    }
  }

  // -- the page that is looked at

  markPage() {
    const { pages, page_count: count } = this.data.documents[this.document];
    const middle = this.scroller.scrollTop + this.scroller.clientHeight / 2;
    let now = pages[0]?.number ?? 0;
    for (const page of pages) {
      if (this.sheets.get(this.key(this.document, page.number)).sheet.offsetTop > middle) break;
      now = page.number;
    }
    if (now === this.now && this.counted === count) return;
    this.now = now;
    this.counted = count;
    byId("page-number").textContent = now ? `${now} / ${count}` : "";
    for (const button of byId("thumbnails").children) {
      const isNow = Number(button.dataset.page) === now;
      button.setAttribute("aria-current", isNow);
      if (isNow) button.scrollIntoView({ block: "nearest" });
    }
  }

  goTo(number) {
    const entry = this.sheets.get(this.key(this.document, number));
    if (entry) this.scroll(entry.sheet.offsetTop - 12 - this.scroller.scrollTop, 0);
  }

  // Scrolls smoothly over what is near; from one end of a long document to the other it would take seconds.
  scroll(y, x) {
    const isFar = Math.abs(y) > 3 * this.scroller.clientHeight;
    this.scroller.scrollBy({ top: y, left: x, behavior: isFar ? "instant" : "auto" });
  }

  turnPage(step) {
    const numbers = this.data.documents[this.document].pages.map((page) => page.number);
    const next = numbers[numbers.indexOf(this.now) + step];
    if (next) this.goTo(next);
  }

  setZoom(step) {
    const at = ZOOMS.indexOf(this.zoom);
    this.zoom = step === 0 ? 1 : ZOOMS[Math.min(Math.max(at + step, 0), ZOOMS.length - 1)];
    this.scroller.classList.remove("smooth");
    const [x, y] = [this.scroller.scrollLeft + this.scroller.clientWidth / 2, this.scroller.scrollTop + this.scroller.clientHeight / 2];
    const before = [this.scroller.scrollWidth, this.scroller.scrollHeight];
    setSide(this.scroller, { "--zoom": this.zoom });
    for (const { sheet } of this.sheets.values()) sheet.classList.toggle("zoomed", this.zoom > 1);
    byId("zoom-fit").textContent = `${Math.round(this.zoom * 100)}%`;
    this.scroller.scrollLeft = (x * this.scroller.scrollWidth) / before[0] - this.scroller.clientWidth / 2;
    this.scroller.scrollTop = (y * this.scroller.scrollHeight) / before[1] - this.scroller.clientHeight / 2;
    const [area] = this.places.get(this.selection.current) ?? [];
    if (area) this.reveal(area);
    this.scroller.classList.add("smooth");
  }

  toggleBoxes() {
    const shows = this.scroller.classList.toggle("boxes");
    byId("boxes").setAttribute("aria-pressed", shows);
  }

  // -- the selected value

  mark({ value, before, origin }) {
    for (const area of this.places.get(before) ?? []) area.classList.remove("marked");
    const areas = this.places.get(value) ?? [];
    for (const area of areas) area.classList.add("marked");
    const place = this.data.values[value]?.places.find((each) => this.sheets.has(this.key(each.document, each.page)));
    if (!place || origin === "page") return;
    if (place.document !== this.document) this.show(place.document);
    this.reveal(areas[0]);
  }

  reveal(area) {
    const [view, box] = [this.scroller.getBoundingClientRect(), area.getBoundingClientRect()];
    const isWhole = area.classList.contains("sheet");
    const margin = isWhole ? 0 : Math.min(80, view.height / 5);
    const top = box.top < view.top + margin || box.bottom > view.bottom - margin;
    const left = box.left < view.left || box.right > view.right;
    if (!top && !left) return;
    const y = isWhole ? box.top - 12 - view.top : box.top + box.height / 2 - view.top - view.height / 2;
    const x = left ? box.left + box.width / 2 - view.left - view.width / 2 : 0;
    this.scroll(y, x);
  }
}
