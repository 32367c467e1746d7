// The value that is selected; what shows values or places listens to it.

export class Selection extends EventTarget {
  current = null;

  // `origin` is `panel`, `page` or `key`: whoever selected a value need not scroll to it.
  select(value, origin) {
    const before = this.current;
    this.current = value;
    this.dispatchEvent(new CustomEvent("change", { detail: { value, before, origin } }));
  }
}
