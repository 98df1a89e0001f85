// Elements from data. Text goes in as text nodes only, so no content can become markup.

const SAFE_URL = /^(https?:|mailto:)/i;
const FUNCTION_URL = /^https:\/\/([a-z0-9]+)\.lambda-url\.[a-z0-9-]+\.on\.aws\//;

/** Make an element. Attributes that are null or false are left out. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A link that opens elsewhere; an address with another scheme is shown, but leads nowhere. */
export function link(url, ...children) {
  const label = children.flat().length ? children : [url];
  if (!SAFE_URL.test(url)) return h("span", { class: "dead-link", title: url }, label);
  // The embedded AWS serves a function's address under its own.
  return h("a", { href: url.replace(FUNCTION_URL, "/functions/$1/"), target: "_blank", rel: "noopener noreferrer", title: url }, label);
}

/** A local time of day, with the full time as a tooltip. */
export function clock(iso) {
  const moment = new Date(iso);
  const text = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return h("time", { datetime: iso, title: moment.toLocaleString() }, text);
}

/** "1 message", "2 messages". */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** JSON, indented, with keys and values in different colours. */
export function json(value) {
  const text = JSON.stringify(value, null, 2) ?? "";
  const parts = text.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?)/);
  return h("pre", { class: "json", tabindex: "0" }, parts.map((part) => {
    if (!part.startsWith('"')) return part;
    return h("span", { class: part.endsWith(":") ? "json-key" : "json-string" }, part);
  }));
}

/** A box with the raw content of an unsupported element. */
export function unknown(what, value) {
  return h("div", { class: "unknown" }, h("p", {}, `${what}: this page does not draw it, here it is as it came.`), json(value));
}

/** The worst severity named in a text, in lower case, or "none". */
export function worst(text) {
  const matches = String(text).match(/\b(critical|high|medium|low)\b/gi) ?? [];
  const words = new Set(matches.map((word) => word.toLowerCase()));
  return ["critical", "high", "medium", "low"].find((word) => words.has(word)) ?? "none";
}
