import { byId, element, shown } from "./dom.js";
import { Pages } from "./pages.js";
import { Panel } from "./panel.js";
import { Selection } from "./selection.js";

const KEYS = [
  [["j", "↓"], "next value, or next row of a table", (app) => app.panel.move(1, 0)],
  [["k", "↑"], "previous value, or row", (app) => app.panel.move(-1, 0)],
  [["→"], "next value of the row", (app) => app.panel.move(0, 1)],
  [["←"], "previous value of the row", (app) => app.panel.move(0, -1)],
  [["/"], "search; Enter and Shift+Enter go through what is found", () => byId("search").focus()],
  [["Esc"], "leave the search, clear the selection", (app) => app.clear()],
  [["."], "next page", (app) => app.pages.turnPage(1)],
  [[","], "previous page", (app) => app.pages.turnPage(-1)],
  [["]"], "next document of the result", (app) => app.pages.turnDocument(1)],
  [["["], "previous document of the result", (app) => app.pages.turnDocument(-1)],
  [["+"], "zoom in", (app) => app.pages.setZoom(1)],
  [["-"], "zoom out", (app) => app.pages.setZoom(-1)],
  [["0"], "fit the width", (app) => app.pages.setZoom(0)],
  [["b"], "boxes of all values, or only of the selected one", (app) => app.pages.toggleBoxes()],
  [["d"], "light or dark", (app) => app.switchTheme()],
  [["?"], "this list", (app) => app.showKeys()],
];
const NAMES = { ArrowDown: "↓", ArrowUp: "↑", ArrowRight: "→", ArrowLeft: "←", Escape: "Esc", "=": "+" };

export class App {
  constructor(data, moreKeys = []) {
    this.data = data;
    this.selection = new Selection();
    byId("title").append(shown(data.title), element("small", {}, shown(data.operation)));
    this.setTheme(this.savedTheme());
    this.panel = new Panel(data, this.selection);
    this.pages = new Pages(data, this.selection);
    this.keys = [...moreKeys, ...KEYS];
    this.layOut();
    this.listen();
  }

  layOut() {
    byId("pages").classList.add("boxes", "smooth");
    document.body.classList.toggle("no-document", this.pages.isEmpty);
    if (!this.pages.isEmpty) return;
    byId("pages").hidden = byId("thumbnails").hidden = true;
    for (const id of ["previous-page", "page-number", "next-page", "zoom-out", "zoom-fit", "zoom-in", "boxes"]) byId(id).hidden = true;
    for (const gap of document.querySelectorAll(".tools .gap")) gap.hidden = true;
    const notes = this.data.documents.map((each) => each.note).filter(Boolean);
    for (const note of notes) byId("panel").prepend(element("p", { class: "document-note" }, shown(note)));
  }

  listen() {
    const clicks = {
      "previous-page": () => this.pages.turnPage(-1), "next-page": () => this.pages.turnPage(1),
      "zoom-out": () => this.pages.setZoom(-1), "zoom-in": () => this.pages.setZoom(1), "zoom-fit": () => this.pages.setZoom(0),
      boxes: () => this.pages.toggleBoxes(), theme: () => this.switchTheme(), help: () => this.showKeys(),
    };
    for (const [id, act] of Object.entries(clicks)) byId(id).addEventListener("click", act);
    for (const [names, about] of this.keys) {
      const caps = names.flatMap((name, index) => [index ? " " : "", element("kbd", {}, name)]);
      byId("keys").querySelector("dl").append(element("dt", {}, ...caps), element("dd", {}, about));
    }
    const search = byId("search");
    search.addEventListener("input", () => this.panel.search(search.value));
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.panel.nextHit(event.shiftKey ? -1 : 1);
      if (event.key === "Enter") search.focus();
    });
    addEventListener("keydown", (event) => this.press(event));
  }

  // The button to close it has the focus, and is at the end of a list that may not fit.
  showKeys() {
    byId("keys").showModal();
    byId("keys").scrollTop = 0;
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
    const name = NAMES[event.key] ?? event.key;
    const types = event.target.closest("input, textarea, select");
    if (types && name !== "Esc") return;
    // The arrows scroll the document while it has the focus.
    if (event.key.startsWith("Arrow") && event.target.closest("#pages, pre")) return;
    const key = this.keys.find(([names]) => names.includes(name));
    if (!key) return;
    event.preventDefault();
    key[2](this);
  }

  clear() {
    const search = byId("search");
    if (search.value || document.activeElement === search) {
      search.value = "";
      this.panel.search("");
      search.blur();
    } else {
      this.selection.select(null, "key");
    }
  }

  // -- light and dark

  savedTheme() {
    try {
      return localStorage.getItem("docspeed-theme");
    } catch {
      return null;
    }
  }

  setTheme(name) {
    const dark = name ? name === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  }

  switchTheme() {
    const name = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    this.setTheme(name);
    try {
      localStorage.setItem("docspeed-theme", name);
    } catch {
      // A page in a file may have no storage; it then follows the system each time.
    }
  }
}
