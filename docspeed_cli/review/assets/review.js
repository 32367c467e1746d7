import { byId, element, setSide, shown } from "./dom.js";
import { App } from "./main.js";

// The reviewer's part of the page: decisions go to the server one by one, which saves each at once.

const SIGNS = { accepted: "accepted", corrected: "corrected" };
const LEVELS = ["check", "doubt", "rest"];

class Review {
  constructor(data) {
    this.data = data;
    this.review = data.review;
    this.number = data.review.number;
    this.decisions = new Map();
    this.pending = 0;
    this.chain = Promise.resolve();
    this.editing = null;
    this.app = new App(data, this.keys());
    this.panel = this.app.panel;
    this.selection = this.app.selection;
    this.addControls();
    this.selection.addEventListener("change", ({ detail }) => this.describe(detail.value));
    addEventListener("beforeunload", (event) => { if (this.pending) event.preventDefault(); });
    this.panel.done.then(() => this.start());
  }

  keys() {
    return [
      [["a"], "accept the value, and go to the next", () => this.accept()],
      [["e"], "correct the value; Enter saves, Esc cancels", () => this.edit("corrected")],
      [["c"], "add a note about the value; an empty one removes it", () => this.edit("note")],
      [["n"], "next open value, or next document", () => this.next()],
      [["p"], "previous value", () => this.previous()],
      [["u"], "undo the last decision", () => this.undo()],
      [["A"], "accept all open values, and go to the next document", () => this.acceptRest()],
      [["x"], "reject the document", () => this.reject()],
      [["C"], "add a note about the document", () => this.edit("note", "")],
      [["N"], "next document", () => this.turn(1)],
      [["P"], "previous document", () => this.turn(-1)],
    ];
  }

  // -- controls

  addControls() {
    const turn = (label, key, sign, step) => element("button", { class: "icon", "aria-label": label, title: `${label} ( ${key} )`, onclick: () => this.turn(step) }, sign);
    byId("title").after(element("div", { class: "queue" },
      turn("Previous document", "P", "«", -1), element("output", { id: "progress", "aria-live": "polite" }), turn("Next document", "N", "»", 1)));
    this.bar = element("div", { id: "bar", "aria-hidden": "true" });
    document.querySelector("header").after(this.bar);
    const button = (label, key, act, kind) => element("button", { class: `wide ${kind ?? ""}`, title: `${label} ( ${key} )`, onclick: act }, label, " ", element("kbd", { "aria-hidden": "true" }, key));
    this.input = element("textarea", { id: "edit", autocomplete: "off", spellcheck: false, maxLength: 20000 });
    this.label = element("label", { htmlFor: "edit" });
    this.editor = element("form", { class: "editor", hidden: true }, this.label, this.input);
    this.message = element("p", { class: "message", role: "status", hidden: true });
    byId("panel").append(element("section", { id: "decide", "aria-label": "Decide" },
      this.message, this.editor,
      element("div", { class: "buttons" },
        button("Accept", "a", () => this.accept(), "main"), button("Correct", "e", () => this.edit("corrected")),
        button("Note", "c", () => this.edit("note")), button("Next", "n", () => this.next()),
        button("Undo", "u", () => this.undo()), button("Accept rest", "A", () => this.acceptRest()),
        button("Reject", "x", () => this.reject(), "danger")),
    ));
    this.editor.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.editor.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.closeEditor();
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.submit();
    });
  }

  start() {
    this.receive(this.review);
    this.data.values.forEach((_, index) => this.draw(index));
    for (const reason of this.review.document) byId("notes").append(element("div", {}, shown(reason)));
    byId("notes").hidden = !byId("notes").childElementCount;
    const asked = decodeURIComponent(location.hash.slice(1));
    const at = asked ? this.data.values.findIndex((value) => value.key === asked) : -1;
    if (at >= 0) this.select(at);
    else if (this.isRejected) this.tell("This document was rejected.");
    else this.next(true);
    const message = sessionStorage.getItem("message");
    sessionStorage.removeItem("message");
    if (message) this.tell(message);
    document.body.dataset.ready = String(this.number);
  }

  select(index) { this.selection.select(index, "search"); }

  get current() { return this.selection.current; }

  keyOf(index) { return this.data.values[index]?.key; }

  decided(key) { return this.decisions.get(JSON.stringify([key, false])); }

  get isRejected() { return this.decided("")?.decision === "rejected"; }

  noteOf(key) { return this.decisions.get(JSON.stringify([key, true])); }

  // -- moving

  next(stays = false) {
    const { order } = this.review;
    const at = this.current === null ? -1 : order.indexOf(this.current);
    const round = [...order.slice(at + 1), ...order.slice(0, at + 1)];
    const open = round.find((index) => !this.decided(this.keyOf(index)));
    if (open !== undefined && !this.decided("")) { this.select(open); return; }
    if (!stays) this.leave();
    else if (order.length) this.select(order[0]);
  }

  previous() {
    const at = this.review.order.indexOf(this.current);
    if (at > 0) this.select(this.review.order[at - 1]);
    else this.tell("This is the first value. P is the previous document.");
  }

  // Goes to the next open document once everything is saved; its page begins with the message.
  leave(message = "") {
    this.chain = this.chain.then(() => {
      if (this.failed) return;
      if (this.review.next) sessionStorage.setItem("message", message);
      if (this.review.next) this.goTo(this.review.next);
      else this.tell(this.review.reviewed === this.review.total ? "All documents are reviewed. End docspeed with Ctrl-C in its terminal." : "This is the last open document.");
    });
  }

  turn(step) {
    const { total } = this.review;
    this.goTo((this.number - 1 + step + total) % total + 1);
  }

  goTo(number, field = "") {
    this.chain.then(() => {
      const to = `../${number}/${field ? `#${encodeURIComponent(field)}` : ""}`;
      if (number !== this.number) location.assign(to);
    });
  }

  // -- deciding

  accept() {
    if (!this.data.values.length) { this.acceptRest(); return; }
    if (this.current === null) { this.tell("Choose a value first."); return; }
    const field = this.keyOf(this.current);
    this.expect({ field, decision: "accepted" });
    this.send({ field, decision: "accepted" });
    this.next();
  }

  acceptRest() {
    if (!this.data.values.length) this.expect({ field: "", decision: "accepted" });
    for (const { key } of this.data.values) if (!this.decided(key)) this.decisions.set(JSON.stringify([key, false]), { field: key, decision: "accepted" });
    this.data.values.forEach((_, index) => this.draw(index));
    this.send({ decision: "accepted" });
    this.leave(`The rest of ${this.data.title} is accepted; u undoes it.`);
  }

  reject() {
    this.expect({ field: "", decision: "rejected" });
    this.send({ decision: "rejected" });
    this.leave(`${this.data.title} is rejected; u undoes it.`);
  }

  undo() {
    this.chain = this.chain.then(async () => {
      const answer = await this.post("../undo");
      if (answer.number !== this.number) { this.goTo(answer.number, answer.field); return; }
      this.receive(answer);
      const at = this.data.values.findIndex((value) => value.key === answer.field);
      if (at >= 0) this.select(at);
      this.tell("Undone.");
    }).catch((error) => this.tell(error.message, true));
  }

  // Shows a decision before the server has saved it, so that the next key finds the next value.
  expect(decision) {
    this.decisions.set(JSON.stringify([decision.field, false]), decision);
    this.redraw(decision.field);
  }

  send(body) {
    this.pending += 1;
    this.failed = false;
    this.tell("");
    this.chain = this.chain.then(() => this.post("decide", body)).then(
      (answer) => { this.pending -= 1; this.receive(answer); },
      (error) => { this.pending -= 1; this.fail(error, body.field ?? ""); },
    );
  }

  async post(to, body = {}) {
    let answer;
    try {
      answer = await fetch(to, { method: "POST", body: JSON.stringify(body), keepalive: true, headers: { "Content-Type": "application/json" } });
    } catch {
      throw new Error("docspeed has ended, so this is not saved. Start it again with the same command.");
    }
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.problem);
    return content;
  }

  fail(error, field) {
    this.failed = true;
    this.decisions.delete(JSON.stringify([field, false]));
    this.redraw(field);
    const at = this.data.values.findIndex((value) => value.key === field);
    if (at >= 0) this.select(at);
    this.tell(error.message, true);
  }

  // Shows what the server has saved, unless another request is under way.
  receive(answer) {
    if (this.pending) return;
    Object.assign(this.review, { left: answer.left, reviewed: answer.reviewed, total: answer.total, next: answer.next });
    this.decisions = new Map(answer.decisions.map((each) => [JSON.stringify([each.field, each.decision === "note"]), each]));
    this.data.values.forEach((_, index) => this.draw(index));
    byId("progress").textContent = `${this.number} of ${this.review.total} · ${this.review.reviewed} reviewed · ${this.review.left} ${this.review.left === 1 ? "value" : "values"} open here`;
    byId("title").classList.toggle("rejected", this.isRejected);
    setSide(this.bar, { "--done": this.review.reviewed / this.review.total });
    for (const other of answer.replaced ?? []) {
      const what = other.decision === "corrected" ? `corrected ${other.field} to “${other.text}”` : `${other.decision === "note" ? "added a note about" : other.decision} ${other.field || "the document"}`;
      this.tell(`${other.reviewer ?? "Somebody"} ${what} in the meantime; your decision has replaced that.`, true);
    }
    this.describe(this.current);
  }

  // -- the editor

  edit(decision, field = this.keyOf(this.current)) {
    if (field === undefined) { this.tell("Choose a value first."); return; }
    const value = this.data.values.find((each) => each.key === field);
    const corrected = this.decided(field)?.decision === "corrected" ? this.decided(field).text : null;
    this.editing = { decision, field };
    const about = decision === "note" ? `Note about ${field || "the document"}` : `Correct ${field}; empty if there is none`;
    this.label.replaceChildren(element("small", {}, "Enter saves · Esc cancels"), shown(about));
    this.input.value = decision === "note" ? this.noteOf(field)?.text ?? "" : corrected ?? value?.text ?? "";
    this.input.rows = Math.min(this.input.value.split("\n").length + Math.floor(this.input.value.length / 60), 8);
    this.input.readOnly = false;
    this.editor.hidden = false;
    this.tell("");
    this.input.focus();
    this.input.select();
  }

  submit() {
    const { decision, field } = this.editing;
    if (this.input.readOnly) return;
    this.input.readOnly = true;
    this.chain = this.chain.then(() => this.post("decide", { field, decision, text: this.input.value })).then((answer) => {
      this.closeEditor();
      this.receive(answer);
      if (decision === "corrected") this.next();
    }, (error) => {
      this.input.readOnly = false;
      this.tell(error.message, true);
      this.input.focus();
    });
  }

  closeEditor() {
    this.editor.hidden = true;
    this.editing = null;
    this.panel.nodes.get(this.current)?.focus({ preventScroll: true });
  }

  // -- showing

  redraw(key) {
    this.data.values.forEach((value, index) => { if (value.key === key) this.draw(index); });
  }

  draw(index) {
    const node = this.panel.nodes.get(index);
    if (!node) return;
    const [value, made] = [this.data.values[index], this.decided(this.keyOf(index))];
    const state = SIGNS[made?.decision] ?? LEVELS[this.review.levels[index]];
    const sign = `${state}|${made?.text ?? ""}|${this.noteOf(value.key)?.text ?? ""}`;
    if (node.dataset.sign === sign) return;
    node.dataset.sign = sign;
    node.dataset.state = state;
    node.classList.toggle("noted", Boolean(this.noteOf(value.key)));
    const isCell = node.matches("td");
    const old = isCell && value.is_missing ? "–" : this.panel.textOf(value);
    const text = made?.decision === "corrected" ? [element("ins", {}, made.text ? shown(made.text) : "(none)"), " ", element("del", {}, old)] : [old];
    (isCell ? node : node.querySelector(".text")).replaceChildren(...text);
  }

  describe(index) {
    const detail = byId("detail");
    for (const old of detail.querySelectorAll(".decision")) old.remove();
    if (index === null || !this.data.values[index]) return;
    const key = this.keyOf(index);
    const [made, note] = [this.decided(key), this.noteOf(key)];
    const lines = this.review.reasons[index].map((reason) => ["reason", reason]);
    if (made) lines.push([made.decision, [made.decision, made.decision === "corrected" ? `to ${made.text || "no value"}` : "", made.reviewer ? `by ${made.reviewer}` : ""].filter(Boolean).join(" ")]);
    if (note) lines.push(["note", `Note: ${note.text}`]);
    detail.append(...lines.map(([kind, text]) => element("div", { class: `decision ${kind}` }, shown(text))));
  }

  tell(text, isProblem = false) {
    this.message.replaceChildren(shown(text));
    this.message.hidden = !text;
    this.message.classList.toggle("problem", isProblem);
  }
}

new Review(JSON.parse(byId("data").textContent));
