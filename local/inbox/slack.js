// Block Kit as Slack shows it. https://docs.slack.dev/reference/block-kit/blocks

import { clock, h, link, unknown } from "./dom.js";
import { emoji, mention, mrkdwn, plain } from "./mrkdwn.js";

const COLOURS = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };

/** Group a bot's messages: each with its edits, and replies under their root. A webhook's messages have no timestamp. */
export function conversations(messages) {
  const roots = [];
  const entries = new Map();
  for (const message of messages) {
    const { ts, thread_ts: thread } = message.payload;
    if (message.kind === "updated") {
      entries.get(ts)?.edits.push(message);
      continue;
    }
    const entry = { message, edits: [], replies: [] };
    entries.set(ts, entry);
    (thread && entries.has(thread) ? entries.get(thread).replies : roots).push(entry);
  }
  return roots;
}

/** One message: avatar, name, time, text or blocks, attachments. `edit` is its last edit. */
export function slackMessage(message, edit = null) {
  const { payload } = edit ?? message;
  const shown = message.payload.reply_broadcast ? "also sent to the channel" : "";
  const blocks = payload.blocks ?? [];
  return h(
    "div",
    { class: "slack" },
    h("img", { class: "avatar", src: "icon.svg", alt: "", width: "36", height: "36" }),
    h(
      "div",
      { class: "slack-body" },
      h("p", { class: "slack-from" }, h("strong", {}, payload.username ?? "ecr-scan-alerts"), h("span", { class: "app" }, "APP"), clock(message.received_at), edit && h("span", { class: "dim" }, "edited ", clock(edit.received_at)), shown && h("span", { class: "dim" }, shown)),
      blocks.length ? blocks.map(block) : payload.text && h("div", { class: "slack-text" }, mrkdwn(payload.text)),
      (payload.attachments ?? []).map(attachment),
    ),
  );
}

/** The summary of a message in a list: the text of the notification, else its first words. */
export function slackHeadline({ kind, payload }) {
  const did = kind === "updated" ? "Edited: " : payload.thread_ts ? "Reply: " : "";
  const [attachment] = payload.attachments ?? [];
  const header = [...(payload.blocks ?? []), ...(attachment?.blocks ?? [])].find((block) => block.type === "header");
  const text = payload.text ?? header?.text.text ?? attachment?.fallback ?? attachment?.text ?? "Message without text";
  return did + h("span", {}, mrkdwn(text.split("\n")[0])).textContent;
}

/** The fallback text, as a notification shows it. */
export function slackFallback(payload) {
  return payload.text ? h("div", { class: "fallback" }, mrkdwn(payload.text)) : null;
}

function block(value) {
  const draw = BLOCKS[value.type];
  return draw ? draw(value) : unknown(`Block of type “${value.type}”`, value);
}

const BLOCKS = {
  header: (value) => h("h3", { class: "slack-header" }, text(value.text)),
  section,
  divider: () => h("hr"),
  context: (value) => h("div", { class: "slack-context" }, value.elements.map((element) => (element.type === "image" ? image(element) : h("span", {}, text(element))))),
  actions: (value) => h("div", { class: "slack-actions" }, value.elements.map(element)),
  image: (value) => h("div", {}, value.title && h("p", { class: "dim" }, text(value.title)), image(value)),
  markdown: (value) => h("div", { class: "slack-text pre" }, value.text),
  rich_text: (value) => h("div", { class: "slack-text" }, rich(value.elements)),
  table,
};

function text(value) {
  return value.type === "mrkdwn" ? mrkdwn(value.text, value.verbatim) : plain(value.text, value.emoji !== false);
}

function section(value) {
  const content = h("div", { class: "slack-text" }, value.text && text(value.text), value.fields && h("div", { class: "slack-fields" }, value.fields.map((field) => h("div", {}, text(field)))));
  return value.accessory ? h("div", { class: "slack-section" }, content, element(value.accessory)) : content;
}

// Pictures are named, not fetched: the page calls only its own server.
function image(value) {
  return h("span", { class: "picture", title: value.image_url }, `Picture: ${value.alt_text}`);
}

function element(value) {
  if (value.type === "image") return image(value);
  const label = value.text ? text(value.text) : value.placeholder ? text(value.placeholder) : value.type;
  const style = `slack-button ${value.style ?? ""}`.trim();
  if (value.type === "button" && value.url) {
    const made = link(value.url, label);
    made.classList.add(...style.split(" "));
    return made;
  }
  return h("span", { class: style, title: `${value.type}: does nothing here` }, label);
}

function rich(elements) {
  return elements.map((element) => {
    switch (element.type) {
      case "rich_text_section":
        return h("div", { class: "line" }, element.elements.map(richInline));
      case "rich_text_list":
        return h(element.style === "ordered" ? "ol" : "ul", { class: `indent-${Math.min(element.indent ?? 0, 4)}`, start: element.offset ? element.offset + 1 : null }, element.elements.map((item) => h("li", {}, item.elements.map(richInline))));
      case "rich_text_preformatted":
        return h("pre", { class: "code" }, element.elements.map(richInline));
      case "rich_text_quote":
        return h("blockquote", {}, element.elements.map(richInline));
      default:
        return unknown(`Rich text of type “${element.type}”`, element);
    }
  });
}

function richInline(value) {
  switch (value.type) {
    case "text":
      return styled(value.text, value.style);
    case "link":
      return styled(link(value.url, value.text ?? value.url), value.style);
    case "emoji":
      return emoji(value.name);
    case "broadcast":
      return mention("@", value.range);
    case "user":
      return mention("@", value.user_id);
    case "usergroup":
      return mention("@", value.usergroup_id);
    case "channel":
      return mention("#", value.channel_id);
    case "date":
      return value.fallback ?? new Date(value.timestamp * 1000).toLocaleString();
    default:
      return unknown(`Element of type “${value.type}”`, value);
  }
}

function styled(content, style = {}) {
  const tags = [["code", "code"], ["strike", "s"], ["italic", "em"], ["bold", "strong"]];
  return tags.reduce((inner, [name, tag]) => (style[name] ? h(tag, {}, inner) : inner), content);
}

function table(value) {
  const settings = value.column_settings ?? [];
  const cell = (tag) => (entry, column) =>
    h(tag, { class: `align-${settings[column]?.align ?? "left"}${settings[column]?.is_wrapped ? "" : " nowrap"}` }, entry.type === "rich_text" ? rich(entry.elements) : String(entry.text));
  const [head, ...rows] = value.rows;
  return h("div", { class: "scroll", tabindex: "0" }, h("table", {}, h("thead", {}, h("tr", {}, head.map(cell("th")))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell("td")))))));
}

function attachment(value) {
  const made = h(
    "div",
    { class: "slack-attachment" },
    value.author_name && h("p", { class: "dim" }, value.author_name),
    value.title && h("p", { class: "attachment-title" }, value.title_link ? link(value.title_link, plain(value.title)) : plain(value.title)),
    value.text && h("div", { class: "slack-text" }, mrkdwn(value.text)),
    value.fields && h("div", { class: "slack-fields" }, value.fields.map((field) => h("div", {}, h("strong", {}, plain(field.title ?? "")), mrkdwn(String(field.value ?? ""))))),
    (value.blocks ?? []).map(block),
    value.footer && h("p", { class: "slack-context" }, plain(value.footer)),
  );
  const colour = COLOURS[value.color] ?? `#${String(value.color ?? "").replace("#", "")}`;
  if (/^#[0-9a-f]{6}$/i.test(colour)) made.style.setProperty("--bar", colour);
  return value.pretext ? [h("div", { class: "slack-text" }, mrkdwn(value.pretext)), made] : made;
}
