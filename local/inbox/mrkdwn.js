// Slack's mark-up as Slack shows it. https://docs.slack.dev/messaging/formatting-message-text

import { h, link } from "./dom.js";

const EMOJI = {
  "bangbang": "‼️", "bell": "🔔", "bug": "🐛", "calendar": "📅", "clipboard": "📋", "eyes": "👀", "fire": "🔥",
  "exclamation": "❗", "gear": "⚙️", "hammer_and_wrench": "🛠️", "heavy_check_mark": "✔️", "hourglass": "⌛",
  "information_source": "ℹ️", "key": "🔑", "large_blue_circle": "🔵", "large_green_circle": "🟢",
  "large_orange_circle": "🟠", "large_yellow_circle": "🟡", "link": "🔗", "lock": "🔒", "mag": "🔍",
  "memo": "📝", "no_entry": "⛔", "no_entry_sign": "🚫", "octagonal_sign": "🛑", "ok": "🆗", "package": "📦",
  "question": "❓", "red_circle": "🔴", "rotating_light": "🚨", "shield": "🛡️", "skull": "💀", "sos": "🆘",
  "tada": "🎉", "warning": "⚠️", "white_check_mark": "✅", "white_circle": "⚪", "wrench": "🔧", "x": "❌", "zap": "⚡",
};

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

const TOKEN = new RegExp(
  [
    "<([^<>\\n]+)>",
    "`([^`\\n]+)`",
    "(?<![\\p{L}\\p{N}])([*_~])(?=\\S)((?:<[^<>\\n]+>|`[^`\\n]+`|(?!\\3)[^\\n])+?)(?<=\\S)\\3(?![\\p{L}\\p{N}])",
    ":([a-z0-9_+-]+):",
    "(https?://[^\\s<>|]+[^\\s<>|.,:;!?)])",
  ].join("|"),
  "gu",
);
const STYLES = { "*": "strong", "_": "em", "~": "s" };

/** Undo Slack's three entities. */
export function unescape(text) {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);
}

/** A plain text: no mark-up but emoji, where they are asked for. */
export function plain(text, emojis = true) {
  if (!emojis) return [unescape(text)];
  return text.split(/(:[a-z0-9_+-]+:)/).map((part) => EMOJI[part.slice(1, -1)] ?? unescape(part));
}

/** An emoji by its name, or the name between colons where it is not known here. */
export function emoji(name) {
  return EMOJI[name] ?? `:${name}:`;
}

/** A mrkdwn text: an array of nodes. `verbatim`: bare addresses stay text, as Slack leaves them. */
export function mrkdwn(text, verbatim = false) {
  const parts = text.split("```");
  return parts.flatMap((part, index) => {
    const code = index % 2 === 1 && index < parts.length - 1;
    if (code) return [h("pre", { class: "code" }, unescape(part.replace(/^\n|\n$/g, "")))];
    const fence = index % 2 === 1 ? "```" : "";
    const inner = index > 0 && !fence ? part.replace(/^\n/, "") : part;
    return lines(fence + (index < parts.length - 1 ? inner.replace(/\n$/, "") : inner), verbatim);
  });
}

function lines(text, verbatim) {
  if (!text) return [];
  const nodes = [];
  let quote = null;
  for (const line of text.split("\n")) {
    const quoted = line.match(/^(?:&gt;|>)\s?(.*)$/);
    if (quoted) {
      quote ??= nodes[nodes.push(h("blockquote")) - 1];
      quote.append(h("div", { class: "line" }, inline(quoted[1], verbatim)));
      continue;
    }
    quote = null;
    const bullet = /^\s*[•◦▪‣]\s/.test(line);
    const content = line ? inline(line, verbatim) : [h("br")];
    nodes.push(h("div", { class: bullet ? "line bullet" : "line" }, content));
  }
  return nodes;
}

function inline(text, verbatim) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, control, code, mark, styled, name, address] = match;
    nodes.push(unescape(text.slice(end, match.index)));
    if (control !== undefined) nodes.push(special(control));
    else if (code !== undefined) nodes.push(h("code", {}, codeText(code)));
    else if (mark !== undefined) nodes.push(h(STYLES[mark], {}, inline(styled, verbatim)));
    else if (name !== undefined) nodes.push(emoji(name));
    else if (address !== undefined && !verbatim) nodes.push(link(unescape(address)));
    else nodes.push(unescape(whole));
    end = match.index + whole.length;
  }
  nodes.push(unescape(text.slice(end)));
  return nodes;
}

// Links inside code show their label, as Slack does.
function codeText(text) {
  return text.split(/<([^<>]+)>/).map((part, index) => (index % 2 ? special(part) : unescape(part)));
}

function special(control) {
  const [target, label] = control.split(/\|(.*)/s);
  if (target.startsWith("!")) return mention("@", label ?? target.slice(1).replace(/^subteam\^/, ""));
  if (target.startsWith("@")) return mention("@", label ?? target.slice(1));
  if (target.startsWith("#")) return mention("#", label ?? target.slice(1));
  const url = unescape(target);
  return link(url, label === undefined ? url : inline(label, true));
}

/** A person or a channel that Slack would notify or link. */
export function mention(sign, name) {
  return h("span", { class: "mention", title: "Slack would notify or link this" }, sign + unescape(name).replace(/^[@#]/, ""));
}
