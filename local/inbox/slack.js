// Block Kit as Slack shows it. https://docs.slack.dev/reference/block-kit/blocks

import { clock, h, link, unknown } from "./dom.js";
import { emoji, mention, mrkdwn, plain } from "./mrkdwn.js";

const COLOURS = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };

/** Fold what a bot sent: each message with its edits, replies under their root. A webhook's messages have no timestamp. */
export function conversations(messages) {
  const roots = [];
  const known = new Map();
  for (const message of messages) {
    const { ts, thread_ts: thread } = message.payload;
    if (message.kind === "updated") {
      known.get(ts)?.edits.push(message);
      continue;
    }
    const entry = { message, edits: [], replies: [] };
    known.set(ts, entry);
    (thread && known.has(thread) ? known.get(thread).replies : roots).push(entry);
  }
  return roots;
}

/** One message: avatar, name, time, text or blocks, attachments. `edit` is what it was edited to last. */
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

/** What a list of messages shows: the text of the notification, else the first words there are. */
export function slackHeadline({ kind, payload }) {
  const did = kind === "updated" ? "Edited: " : payload.thread_ts ? "Reply: " : "";
  const [attachment] = payload.attachments ?? [];
  const header = [...(payload.blocks ?? []), ...(attachment?.blocks ?? [])].find((each) => each.type === "header");
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
  context: (value) => h("div", { class: "slack-context" }, value.elements.map((each) => (each.type === "image" ? image(each) : h("span", {}, text(each))))),
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
  const content = h("div", { class: "slack-text" }, value.text && text(value.text), value.fields && h("div", { class: "slack-fields" }, value.fields.map((each) => h("div", {}, text(each)))));
  return value.accessory ? h("div", { class: "slack-section" }, content, element(value.accessory)) : content;
}

// Pictures are named, not fetched: the page asks nobody but its own server.
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
  return elements.map((each) => {
    switch (each.type) {
      case "rich_text_section":
        return h("div", { class: "line" }, each.elements.map(richInline));
      case "rich_text_list":
        return h(each.style === "ordered" ? "ol" : "ul", { class: `indent-${Math.min(each.indent ?? 0, 4)}`, start: each.offset ? each.offset + 1 : null }, each.elements.map((item) => h("li", {}, item.elements.map(richInline))));
      case "rich_text_preformatted":
        return h("pre", { class: "code" }, each.elements.map(richInline));
      case "rich_text_quote":
        return h("blockquote", {}, each.elements.map(richInline));
      default:
        return unknown(`Rich text of type “${each.type}”`, each);
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
  const cell = (tag) => (each, column) =>
    h(tag, { class: `align-${settings[column]?.align ?? "left"}${settings[column]?.is_wrapped ? "" : " nowrap"}` }, each.type === "rich_text" ? rich(each.elements) : String(each.text));
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
    value.fields && h("div", { class: "slack-fields" }, value.fields.map((each) => h("div", {}, h("strong", {}, plain(each.title ?? "")), mrkdwn(String(each.value ?? ""))))),
    (value.blocks ?? []).map(block),
    value.footer && h("p", { class: "slack-context" }, plain(value.footer)),
  );
  const colour = COLOURS[value.color] ?? `#${String(value.color ?? "").replace("#", "")}`;
  if (/^#[0-9a-f]{6}$/i.test(colour)) made.style.setProperty("--bar", colour);
  return value.pretext ? [h("div", { class: "slack-text" }, mrkdwn(value.pretext)), made] : made;
}
