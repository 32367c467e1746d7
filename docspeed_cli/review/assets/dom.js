// Makes elements; texts of a document or a result become text nodes only, so none of them can be markup.

const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/u;

export const byId = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

// A text in which characters that reorder or hide others are seen.
export function shown(text) {
  if (!HIDDEN.test(text)) return text;
  const parts = document.createDocumentFragment();
  let plain = "";
  for (const character of text) {
    if (!HIDDEN.test(character)) { plain += character; continue; }
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    parts.append(plain, element("span", { class: "odd" }, `U+${code}`));
    plain = "";
  }
  parts.append(plain);
  return parts;
}

export function setSide(target, sides) {
  for (const [name, value] of Object.entries(sides)) target.style.setProperty(name, value);
}
