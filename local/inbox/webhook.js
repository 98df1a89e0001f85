// Events that a webhook's receiver accepted.

import { clock, h, json } from "./dom.js";

/** One event: its attributes, then its data. */
export function webhook(message) {
  const { data, ...attributes } = message.payload;
  return h(
    "div",
    { class: "mail event" },
    h("header", {}, h("h3", {}, webhookHeadline(message.payload)), h("dl", {}, Object.entries(attributes).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]), h("dt", {}, "received"), h("dd", {}, clock(message.received_at)))),
    json(data),
  );
}

/** The summary of an event in a list. */
export function webhookHeadline({ subject, type, data }) {
  const verdict = data?.verdict;
  return verdict ? `${subject}: ${verdict}` : (subject ?? type);
}
