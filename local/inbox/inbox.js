// The page: reads new messages from its server, and shows one receiver at a time.

import { clock, count, h } from "./dom.js";
import { issue, issueView, jiraHeadline } from "./jira.js";
import { mail, mailHeadline } from "./mail.js";
import { incidentTitle, incidentView, pagerHeadline } from "./pagerduty.js";
import { conversations, slackFallback, slackHeadline, slackMessage } from "./slack.js";
import { webhook, webhookHeadline } from "./webhook.js";

const RECEIVERS = {
  slack: { name: "Slack", what: "Slack channel", place: (name) => `# ${name}`, headline: slackHeadline },
  jira: { name: "Jira", place: (name) => name, headline: jiraHeadline, view: issueView, title: (messages) => issue(messages).fields.summary },
  pagerduty: { name: "PagerDuty", place: (name) => (/^\d+$/.test(name) ? `Incident ${name}` : `Changes at ${name}`), headline: pagerHeadline, view: incidentView, title: incidentTitle, nothing: "Nothing to resolve" },
  sns: { name: "SNS subscribers", what: "Subscriber", place: (name) => name, headline: ({ payload }) => mailHeadline(payload), body: mail, nothing: "Subscription confirmed" },
  webhook: { name: "Webhooks", what: "Receiver of webhooks", place: (name) => name, headline: ({ payload }) => webhookHeadline(payload), body: webhook },
};
const LOG = "#/log";

const state = { session: "", messages: [], requests: [], shown: "", live: true };
const find = (id) => document.getElementById(id);

// --- requests --------------------------------------------------------------------------------

async function ask() {
  const query = new URLSearchParams({ session: state.session, message: state.messages.length, request: state.requests.length, wait: 1 });
  const answer = await fetch(`api/messages?${query}`);
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  take(await answer.json());
}

async function listen() {
  let pause = 1000;
  for (;;) {
    try {
      await ask();
      pause = 1000;
    } catch (error) {
      state.live = false;
      story();
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(pause * 2, 15000);
      console.info(`The receivers do not answer: ${error.message}`);
    }
  }
}

function take(news) {
  const again = news.session !== state.session;
  if (again) Object.assign(state, { session: news.session, messages: [], requests: [] });
  state.messages.push(...news.messages);
  state.requests.push(...news.requests);
  const back = !state.live;
  state.live = true;
  if (!again && !back && !news.messages.length && !news.requests.length) return;
  story();
  places();
  view(again ? null : news);
}

// --- messages -------------------------------------------------------------------------------

function of(receiver, destination) {
  return state.messages.filter((message) => message.receiver === receiver && (destination === undefined || message.destination === destination));
}

/** Messages of their own, without edits of a message and moves of an issue. */
function posted(messages) {
  return messages.filter((message) => message.receiver !== "slack" || message.kind !== "updated");
}

/** Whether later messages change how earlier ones look. */
function folded({ receiver, destination: name }) {
  return RECEIVERS[receiver].view || of(receiver, name).some((message) => message.receiver === "slack" && message.payload.ts);
}

function destinations(receiver) {
  return [...new Set(of(receiver).map((message) => message.destination))];
}

function refused() {
  return state.requests.filter((request) => request.message === null && request.reason);
}

function address(message) {
  return `#/${message.receiver}/${encodeURIComponent(message.destination)}`;
}

function headline(message) {
  return RECEIVERS[message.receiver].headline(message);
}

function current() {
  const [, receiver, name] = location.hash.split("/");
  if (location.hash === LOG) return { log: true, hash: LOG };
  if (RECEIVERS[receiver] && name) return { receiver, destination: decodeURIComponent(name), hash: location.hash };
  const first = Object.keys(RECEIVERS).find((receiver) => of(receiver).length);
  const message = first && of(first)[0];
  return message ? { receiver: first, destination: message.destination, hash: address(message) } : { hash: "" };
}

// --- the header and the list on the left -----------------------------------------------------

function story() {
  const parts = [
    [posted(of("slack")).length, "Slack message"],
    [destinations("jira").length, "Jira issue"],
    [destinations("pagerduty").length, "PagerDuty incident"],
    [of("sns").length, "SNS notification"],
    [of("webhook").length, "event"],
  ].filter(([number]) => number).map(([number, what]) => h("span", { class: "counter" }, count(number, what)));
  const away = refused().length;
  if (away) parts.push(h("a", { class: "counter warning", href: LOG }, `${count(away, "request")} refused`));
  if (!parts.length) parts.push(h("span", { class: "counter" }, "Nothing yet"));
  const live = h("span", { class: state.live ? "live" : "ended" }, state.live ? "live" : "ended; this is what had arrived");
  find("story").replaceChildren(...parts, live);
}

function places() {
  const { hash } = current();
  const entry = (target, label, detail, extra) => h("li", {}, h("a", { href: target, "aria-current": target === hash ? "page" : null }, h("span", { class: "place" }, label, extra && h("small", {}, extra)), h("span", { class: "number" }, detail)));
  const groups = Object.entries(RECEIVERS).filter(([receiver]) => of(receiver).length).map(([receiver, { name, place }]) =>
    h("section", {}, h("h2", {}, name), h("ul", {}, destinations(receiver).map((destination) => {
      const messages = of(receiver, destination);
      const extra = RECEIVERS[receiver].title?.(messages);
      return entry(address(messages[0]), place(destination), posted(messages).length, extra);
    }))));
  const log = h("section", {}, h("h2", {}, "All"), h("ul", {}, entry(LOG, "Everything, in order", state.requests.length)));
  find("places").replaceChildren(...groups, ...(state.requests.length ? [log] : []));
  reveal(find("places"));
}

// --- the middle ------------------------------------------------------------------------------

/** Show the current place. With news for the place already shown, add to it and leave the rest alone. */
function view(news) {
  const place = current();
  const same = news !== null && place.hash === state.shown && place.hash !== "";
  state.shown = place.hash;
  const stream = find("stream");
  if (same && place.log) return stream.append(...news.requests.map(row));
  if (same && !folded(place)) {
    const more = news.messages.filter((message) => address(message) === place.hash);
    stream?.append(...more.map(item));
    if (more.length) find("how-many").textContent = total(of(place.receiver, place.destination).length);
    return undefined;
  }
  if (same && !news.messages.some((message) => address(message) === place.hash)) return undefined;
  find("view").replaceChildren(place.log ? log() : place.receiver ? destination(place) : empty());
  return undefined;
}

const total = (number) => count(number, "message");

function destination({ receiver, destination: name }) {
  const messages = of(receiver, name);
  if (!messages.length) return empty(name);
  document.title = `${RECEIVERS[receiver].place(name)} · Inbox · ecr-scan-alerts`;
  if (RECEIVERS[receiver].view) return RECEIVERS[receiver].view(messages, tools);
  return h(
    "section",
    { class: `place-view ${receiver}-view` },
    h("header", { class: "place-head" }, h("h2", {}, RECEIVERS[receiver].place(name)), h("p", {}, RECEIVERS[receiver].what, " · ", h("span", { id: "how-many" }, total(posted(messages).length)))),
    h("div", { id: "stream", class: "stream" }, receiver === "slack" ? conversations(messages).map(thread) : messages.map(item)),
  );
}

function item(message) {
  if (message.receiver === "slack") return thread({ message, edits: [], replies: [] });
  return h("article", { class: "item", id: `message-${message.id}`, "aria-label": headline(message) }, RECEIVERS[message.receiver].body(message), tools(message));
}

/** A message of Slack as it stands now, and its replies. */
function thread({ message, edits, replies }) {
  const edit = edits.at(-1) ?? null;
  return h(
    "article",
    { class: "item", id: `message-${message.id}`, "aria-label": headline(edit ? { ...edit, kind: "posted" } : message) },
    slackMessage(message, edit),
    tools(edit ?? message),
    edit && h("details", { class: "first" }, h("summary", {}, "As first posted"), slackMessage(message), tools(message)),
    replies.length ? h("section", { class: "thread", "aria-label": "Replies" }, h("p", { class: "thread-head" }, count(replies.length, "reply", "replies")), replies.map(thread)) : null,
  );
}

function tools(message) {
  const button = h("button", { type: "button", class: "quiet" }, "Raw payload");
  button.addEventListener("click", () => raw(message));
  const fallback = message.receiver === "slack" && message.payload.blocks ? slackFallback(message.payload) : null;
  return h(
    "footer",
    { class: "tools" },
    h("ul", { class: "notes" }, message.notes.map((note) => h("li", { class: note.warning ? "warning" : null }, note.text))),
    button,
    fallback && h("details", { class: "notification" }, h("summary", {}, "Notification text"), fallback),
  );
}

function log() {
  document.title = "Everything · Inbox · ecr-scan-alerts";
  return h(
    "section",
    { class: "place-view" },
    h("header", { class: "place-head" }, h("h2", {}, "Everything, in order"), h("p", {}, "Each request to a receiver, and what became of it")),
    h("div", { class: "scroll", tabindex: "0" }, h("table", { class: "log" }, h("thead", {}, h("tr", {}, ["Time", "Where", "What", "Answer"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", { id: "stream" }, state.requests.map(row)))),
  );
}

function row(request) {
  const message = request.message && state.messages[request.message - 1];
  const where = request.destination ? RECEIVERS[request.receiver].place(request.destination) : RECEIVERS[request.receiver].name;
  const nothing = RECEIVERS[request.receiver].nothing ?? `Asked (${request.method})`;
  const text = message ? headline(message) : request.reason || nothing;
  const what = message ? h("a", { href: address(message), title: text }, text) : h("span", { class: "dim" }, text);
  const good = request.status !== null && request.status < 300;
  return h("tr", {}, h("td", {}, clock(request.at)), h("td", { class: "nowrap" }, where), h("td", {}, what), h("td", { class: good ? "answer" : "answer warning" }, request.status ?? "none"));
}

function empty(name) {
  document.title = "Inbox · ecr-scan-alerts";
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, name ? `Nothing has arrived for ${name}` : "Nothing has arrived yet"),
    h("p", {}, "An image is pushed, its scan completes, and the destinations of its routes are notified. The message appears here by itself, a moment after the first scan."),
  );
}

// --- the raw payload -------------------------------------------------------------------------

/** Scroll a list to its chosen entry. scrollIntoView would also move the start of Tab. */
function reveal(list) {
  const chosen = list.querySelector("[aria-current]");
  if (!chosen) return;
  const below = chosen.offsetTop + chosen.offsetHeight - list.clientHeight;
  list.scrollLeft = chosen.offsetLeft - (list.clientWidth - chosen.offsetWidth) / 2;
  list.scrollTop = Math.max(below, Math.min(list.scrollTop, chosen.offsetTop));
}

async function raw(message) {
  const answer = await fetch(`api/messages/${message.id}/raw`);
  const text = await answer.text();
  find("raw-about").textContent = `${RECEIVERS[message.receiver].name} · ${message.destination} · message ${message.id} · ${count(new TextEncoder().encode(text).length, "byte")}, indented for reading; Copy takes the original`;
  find("raw-text").textContent = pretty(text);
  find("raw-copy").onclick = () => copy(text);
  find("raw-copy").textContent = "Copy";
  find("raw").showModal();
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function copy(text) {
  await navigator.clipboard.writeText(text);
  find("raw-copy").textContent = "Copied";
}

find("raw-close").addEventListener("click", () => find("raw").close());
find("raw").addEventListener("click", (event) => event.target === find("raw") && find("raw").close());
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  find("view").focus();
});
window.addEventListener("hashchange", () => {
  places();
  view(null);
  window.scrollTo(0, 0);
});
listen();
