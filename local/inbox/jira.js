// Jira issues in their current state, built from their messages, with their history.

import { adf } from "./adf.js";
import { clock, count, h } from "./dom.js";

const PRIORITIES = { Highest: "critical", High: "high", Medium: "medium", Low: "low", Lowest: "low" };

/** Fold the messages of one issue: create, updates, comments, transitions. */
export function issue(messages) {
  const state = { key: messages[0].destination, fields: {}, status: "To Do", activity: [], created: messages[0].received_at, updated: messages.at(-1).received_at };
  for (const message of messages) {
    const before = state.fields;
    state.fields = { ...before, ...(message.payload.fields ?? {}) };
    const from = state.status;
    if (message.kind === "moved") state.status = message.payload.to;
    state.activity.push({ message, before, from });
  }
  return state;
}

/** The page of one issue. `tools(message)` gives the row with sizes and the raw payload. */
export function issueView(messages, tools) {
  const state = issue(messages);
  const { fields } = state;
  return h(
    "article",
    { class: "issue" },
    h("p", { class: "crumbs" }, "Projects", h("span", {}, "/"), fields.project?.key ?? "", h("span", {}, "/"), state.key),
    h("h2", {}, fields.summary ?? state.key),
    h(
      "div",
      { class: "issue-columns" },
      h("div", { class: "issue-main" }, h("h3", {}, "Description"), h("div", { class: "adf" }, fields.description ? adf(fields.description) : h("p", { class: "dim" }, "No description")), h("h3", {}, "Activity"), h("ol", { class: "activity" }, state.activity.map((entry) => activity(entry, tools)))),
      details(state),
    ),
  );
}

function details({ key, fields, status, created, updated }) {
  const rows = [
    ["Status", h("span", { class: `lozenge lozenge-${["Done", "Won't Do"].includes(status) ? "green" : status === "To Do" ? "neutral" : "blue"}` }, status)],
    ["Type", fields.issuetype?.name],
    ["Priority", fields.priority && h("span", { class: `severity ${PRIORITIES[fields.priority.name] ?? ""}`.trim() }, fields.priority.name ?? fields.priority.id)],
    ["Labels", fields.labels?.length ? h("span", { class: "labels" }, fields.labels.map((label) => h("span", { class: "label" }, label))) : null],
    ["Key", key],
    ["Created", clock(created)],
    ["Updated", clock(updated)],
  ];
  const other = Object.entries(fields).filter(([name]) => !["project", "summary", "description", "issuetype", "priority", "labels"].includes(name));
  rows.push(...other.map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]));
  return h("aside", { class: "issue-details", "aria-label": "Details" }, h("h3", {}, "Details"), h("dl", {}, rows.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

function activity({ message, before, from }, tools) {
  const comment = message.kind === "commented";
  return h(
    "li",
    { class: comment ? "comment" : "history", id: `message-${message.id}` },
    h("p", { class: "activity-line" }, h("strong", {}, "ecr-scan-alerts"), " ", happened(message, before, from), " ", clock(message.received_at)),
    comment && h("div", { class: "adf" }, adf(message.payload.body)),
    tools(message),
  );
}

function happened(message, before, from) {
  if (message.kind === "created") return "created the issue";
  if (message.kind === "commented") return "commented";
  if (message.kind === "attached") return h("span", {}, "attached ", h("a", { href: `/attachments/${message.payload.id}`, target: "_blank", rel: "noreferrer" }, message.payload.filename));
  if (message.kind === "moved") return `moved it from ${from} to ${message.payload.to}`;
  const changed = Object.entries(message.payload.fields ?? {}).filter(([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value));
  if (!changed.length) return "updated the issue; nothing changed";
  return `updated ${changed.map(([name]) => name).join(", ")}`;
}

/** The summary of an issue's message in a list. */
export function jiraHeadline(message) {
  const { payload } = message;
  if (message.kind === "created") return `Created: ${payload.fields.summary}`;
  if (message.kind === "attached") return `Attached ${message.payload.filename}`;
  if (message.kind === "moved") return `Moved to ${payload.to}`;
  if (message.kind === "commented") return `Comment: ${h("p", {}, adf(payload.body)[0] ?? "").textContent.slice(0, 140)}`;
  return `Updated ${count(Object.keys(payload.fields ?? {}).length, "field")}`;
}
