// The Atlassian Document Format as Jira shows it.
// https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/

import { h, link, unknown } from "./dom.js";

/** A document: an array of nodes. */
export function adf(document) {
  return (document?.content ?? []).map(node);
}

function node(value) {
  const draw = NODES[value.type];
  return draw ? draw(value, value.attrs ?? {}) : unknown(`Node of type “${value.type}”`, value);
}

function inside(value) {
  return (value.content ?? []).map(node);
}

const wrap = (tag) => (value) => h(tag, {}, inside(value));

const NODES = {
  paragraph: wrap("p"),
  // The issue's own title is a second level heading.
  heading: (value, { level }) => h(`h${Math.min(Number(level) + 2, 6)}`, { class: `adf-h${Number(level)}` }, inside(value)),
  bulletList: wrap("ul"),
  orderedList: (value, { order }) => h("ol", { start: order }, inside(value)),
  listItem: wrap("li"),
  taskList: wrap("ul"),
  taskItem: (value, { state }) => h("li", { class: "task" }, state === "DONE" ? "☑ " : "☐ ", inside(value)),
  decisionList: wrap("ul"),
  decisionItem: wrap("li"),
  codeBlock: (value, { language }) => h("pre", { class: "code", title: language }, inside(value)),
  blockquote: wrap("blockquote"),
  rule: () => h("hr"),
  panel: (value, { panelType }) => h("div", { class: `panel panel-${panelType}` }, inside(value)),
  expand: (value, { title }) => h("details", {}, h("summary", {}, title || "More"), inside(value)),
  nestedExpand: (value, { title }) => h("details", {}, h("summary", {}, title || "More"), inside(value)),
  table: (value) => h("div", { class: "scroll", tabindex: "0" }, h("table", {}, h("tbody", {}, inside(value)))),
  tableRow: wrap("tr"),
  tableHeader: (value, { colspan, rowspan }) => h("th", { colspan, rowspan }, inside(value)),
  tableCell: (value, { colspan, rowspan }) => h("td", { colspan, rowspan }, inside(value)),
  text: (value) => (value.marks ?? []).reduce(marked, value.text),
  hardBreak: () => h("br"),
  mention: (value, { id, text }) => h("span", { class: "mention" }, text ?? `@${id}`),
  emoji: (value, { shortName, text }) => text ?? shortName,
  date: (value, { timestamp }) => h("span", { class: "lozenge" }, new Date(Number(timestamp)).toLocaleDateString()),
  status: (value, { text, color }) => h("span", { class: `lozenge lozenge-${color ?? "neutral"}` }, text),
  inlineCard: (value, { url }) => link(url ?? "", url ?? "card"),
  blockCard: (value, { url }) => h("p", {}, link(url ?? "", url ?? "card")),
};

const MARKS = { strong: "strong", em: "em", code: "code", strike: "s", underline: "u" };

function marked(content, mark) {
  if (mark.type === "link") return link(mark.attrs?.href ?? "", content);
  if (mark.type === "subsup") return h(mark.attrs?.type === "sup" ? "sup" : "sub", {}, content);
  return MARKS[mark.type] ? h(MARKS[mark.type], {}, content) : h("span", { title: mark.type }, content);
}
