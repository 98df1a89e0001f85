// Incidents of PagerDuty in their current state, built from their events.

import { clock, count, h, json, link } from "./dom.js";

const SEVERITIES = { critical: "critical", error: "high", warning: "medium", info: "low" };

/** The title of an incident, from the event that opened it. */
export function incidentTitle(messages) {
  return messages[0].payload.payload.summary;
}

/** The page of one incident. `tools(message)` gives the row with sizes and the raw payload. */
export function incidentView(messages, tools) {
  const last = messages.at(-1);
  const update = messages.filter(({ kind }) => kind !== "resolved").at(-1).payload;
  return h(
    "article",
    { class: "issue" },
    h("p", { class: "crumbs" }, "Incidents", h("span", {}, "/"), `#${last.destination}`),
    h("h2", {}, incidentTitle(messages)),
    h(
      "div",
      { class: "issue-columns" },
      h("div", { class: "issue-main" }, h("h3", {}, "Details"), details(update.payload.custom_details ?? {}), h("h3", {}, "Timeline"), h("ol", { class: "activity" }, messages.map((message) => entry(message, tools)))),
      facts(messages, update),
    ),
  );
}

function details(values) {
  return h("dl", { class: "custom-details" }, Object.entries(values).map(([name, value]) => [h("dt", {}, name), h("dd", {}, shown(value))]));
}

function shown(value) {
  if (Array.isArray(value)) return h("ul", {}, value.map((item) => h("li", {}, shown(item))));
  return typeof value === "object" ? json(value) : String(value);
}

function facts(messages, { payload, dedup_key: key, links = [] }) {
  const { kind } = messages.at(-1);
  const [color, status] = { resolved: ["green", "Resolved"], notified: ["grey", "Change event"] }[kind] ?? ["red", "Triggered"];
  const rows = [
    ["Status", h("span", { class: `lozenge lozenge-${color}` }, status)],
    // A change event has none.
    ["Severity", payload.severity && h("span", { class: `severity ${SEVERITIES[payload.severity] ?? ""}`.trim() }, payload.severity)],
    ["Source", payload.source],
    ["Class", payload.class],
    ["Key", key],
    ["Alerts", count(messages.length, "event")],
    ["Opened", clock(messages[0].received_at)],
    ["Links", links.length ? links.map(({ href, text }) => h("div", {}, link(href, text ?? href))) : null],
  ];
  return h("aside", { class: "issue-details", "aria-label": "About" }, h("h3", {}, "About"), h("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

function entry(message, tools) {
  return h("li", { class: "history", id: `message-${message.id}` }, h("p", { class: "activity-line" }, pagerHeadline(message), " ", clock(message.received_at)), tools(message));
}

/** The summary of an event in a list. */
export function pagerHeadline({ kind, payload }) {
  const done = { created: "Triggered", updated: "Triggered again", resolved: "Resolved", notified: "Change event" }[kind];
  return `${done}: ${payload.payload.summary}`;
}
