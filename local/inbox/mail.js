// Messages to the subscribers of a topic: a mail, or a document for a program.

import { clock, h, json, worst } from "./dom.js";

/** One notification: sender, subject, text or JSON, attributes. */
export function mail(message) {
  const { payload } = message;
  const document = parsed(payload.Message);
  const topic = payload.TopicArn.split(":").at(-1);
  return h(
    "div",
    { class: "mail" },
    h(
      "header",
      {},
      h("h3", {}, payload.Subject ?? "(no subject)"),
      h("dl", {}, h("dt", {}, "From"), h("dd", {}, "AWS Notifications ", h("span", { class: "dim" }, "<no-reply@sns.amazonaws.com>")), h("dt", {}, "To"), h("dd", {}, message.destination), h("dt", {}, "Topic"), h("dd", { title: payload.TopicArn }, topic), h("dt", {}, "At"), h("dd", {}, clock(message.received_at))),
    ),
    document === undefined ? h("pre", { class: "mail-text", tabindex: "0" }, payload.Message) : json(document),
    attributes(payload.MessageAttributes ?? {}),
  );
}

/** The summary of a notification in a list. */
export function mailHeadline(payload) {
  return payload.Subject ?? payload.Message.split("\n")[0].slice(0, 140);
}

function parsed(text) {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function attributes(values) {
  const entries = Object.entries(values);
  if (!entries.length) return null;
  return h("dl", { class: "attributes", "aria-label": "Message attributes" }, entries.map(([name, { Value }]) => h("div", {}, h("dt", {}, name), h("dd", { class: name === "severity" ? `severity ${worst(Value)}` : null }, Value))));
}
