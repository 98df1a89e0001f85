"use strict";
// Filters, sorts and searches all findings; a hundred of them stand in the page at a time.
(() => {
  const PAGE = 100;
  const PRINTED = 2000;
  // So few rows are seen at a glance: nothing to filter.
  const FEW = 10;
  // A control is there where it tells rows apart; the others have all rows, or none.
  const BOXES = ["open", "fixable", "hosts", "exploit"];
  const NAMES = ["UNKNOWN", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"];
  const { count, noun, accept: ACCEPT, texts, columns } = JSON.parse(document.getElementById("findings-data").textContent);
  const of = (name) => (row) => texts[columns[name][row]];
  const [url, title, description, remediation] = ["url", "title", "description", "remediation"].map(of);
  const [installed, path, note, vector, images] = ["installed", "path", "note", "vector", "images"].map(of);
  const [change, reason, fix, label, accept] = ["change", "reason", "fix", "label", "accept"].map(of);
  const [exploits, leftOut] = ["exploits", "leftout"].map(of);

  const find = (id) => document.getElementById(id);
  const controls = find("controls");
  const body = find("findings-rows");
  const hits = find("hits");
  const [previous, next] = [find("previous"), find("next")];
  const collator = new Intl.Collator("en", { numeric: true });

  let shown = [];
  let start = 0;
  let sorted = { name: "", down: false };
  let haystack = null;
  const opened = new Set();

  const text = (tag, value, name) => {
    const made = document.createElement(tag);
    made.textContent = value;
    if (name) made.className = name;
    return made;
  };
  const link = (address, label) => {
    if (!/^https?:\/\//.test(address)) return text("span", label);
    const made = text("a", label);
    made.href = address;
    made.rel = "noopener noreferrer";
    return made;
  };
  const cell = (...parts) => {
    const made = document.createElement("td");
    made.append(...parts.filter((part) => part !== "" && part !== null));
    return made;
  };
  const number = (value) => value.toLocaleString("en");

  const places = (row) => columns.places[row].map((place) => texts[place]);

  // --- which, and in which order ---

  const words = (row) =>
    [columns.id[row], ...columns.aliases[row], installed(row), ...places(row), title(row), description(row), images(row),
      reason(row), leftOut(row)].join("\n").toLowerCase();

  const choose = () => {
    const query = find("search").value.trim().toLowerCase();
    const boxes = [...controls.querySelectorAll("input[name=severity]")];
    const severities = new Set(boxes.filter((box) => box.checked).map((box) => Number(box.value)));
    const ticked = BOXES.filter((name) => find(name)?.checked);
    const wanted = find("change")?.value;
    if (query && haystack === null) haystack = Array.from({ length: count }, (_, row) => words(row));
    const terms = query.split(/\s+/);
    shown = [];
    for (let row = 0; row < count; row += 1) {
      if (boxes.length && !severities.has(columns.severity[row])) continue;
      if (!ticked.every((name) => columns[name][row])) continue;
      if (wanted && change(row) !== wanted) continue;
      if (query && !terms.every((term) => haystack[row].includes(term))) continue;
      shown.push(row);
    }
    order();
    start = 0;
    draw();
  };

  const KEYS = {
    severity: (row) => columns.severity[row],
    id: (row) => columns.id[row],
    package: installed,
    fixed: fix,
    exploit: (row) => columns.exploit[row] * 10 + (columns.epss[row] ?? 0),
    change,
    since: (row) => columns.since[row],
  };
  const order = () => {
    if (!sorted.name) return;
    const key = KEYS[sorted.name];
    const compare = (a, b) => (typeof a === "number" ? a - b : collator.compare(a, b));
    const sign = sorted.down ? -1 : 1;
    shown.sort((a, b) => sign * compare(key(a), key(b)) || a - b);
  };

  // --- what stands in the page ---

  const detail = (row) => {
    const made = document.createElement("tr");
    made.className = "detail";
    made.id = `detail-${row}`;
    const facts = [
      ["Score", columns.score[row] === null ? "" : `${columns.score[row]} ${vector(row)}`],
      ["Also known as", columns.aliases[row].join(", ")],
      ["In", images(row)],
      ["Change", [change(row), reason(row)].filter(Boolean).join(": ")],
      ["Not in the alert", leftOut(row)],
      ["What its source advises", remediation(row)],
    ].filter(([, value]) => value);
    const list = document.createElement("ul");
    for (const [label, value] of facts) {
      const item = document.createElement("li");
      item.append(text("strong", `${label}: `), value);
      list.append(item);
    }
    for (const value of places(row)) {
      const item = document.createElement("li");
      item.append(text("code", value));
      list.append(item);
    }
    for (const place of columns.links[row]) {
      const item = document.createElement("li");
      item.append(link(texts[place], texts[place]));
      list.append(item);
    }
    if (accept(row)) {
      const item = document.createElement("li");
      item.append(text("strong", `${ACCEPT}: `), text("code", accept(row)));
      list.append(item);
    }
    const inside = cell(title(row) ? text("p", title(row)) : "", description(row) ? text("p", description(row)) : "", list);
    inside.colSpan = 7;
    made.append(inside);
    return made;
  };

  const line = (row) => {
    const made = document.createElement("tr");
    const name = NAMES[columns.severity[row]];
    const [where, about] = [path(row), note(row)].map((value) => (value ? text("small", value, "path") : ""));
    const id = columns.id[row] || "(unnamed)";
    const more = text("button", "Details", "more");
    more.type = "button";
    more.setAttribute("aria-expanded", String(opened.has(row)));
    more.setAttribute("aria-label", `Details of ${id} in ${installed(row)}`);
    more.addEventListener("click", () => {
      const open = !opened.delete(row);
      if (open) opened.add(row);
      more.setAttribute("aria-expanded", String(open));
      if (open) made.after(detail(row));
      else find(`detail-${row}`)?.remove();
    });
    made.append(
      cell(text("span", label(row), `badge ${name.toLowerCase()}`)), cell(link(url(row), id), " ", more), cell(text("code", installed(row)), where, about),
      cell(fix(row)), cell(exploits(row)), cell(change(row)), cell(columns.since[row]),
    );
    return made;
  };

  const draw = (length = PAGE) => {
    const rows = shown.slice(start, start + length);
    const parts = document.createDocumentFragment();
    for (const row of rows) {
      parts.append(line(row));
      if (opened.has(row)) parts.append(detail(row));
    }
    body.replaceChildren(parts);
    const nouns = noun[Number(count !== 1)];
    const all = shown.length === count ? `${number(count)} ${nouns}` : `${number(shown.length)} of ${number(count)} ${nouns}`;
    const place = shown.length > rows.length ? `, ${number(start + 1)} to ${number(start + rows.length)} shown` : "";
    hits.textContent = count ? all + place : `No ${nouns}`;
    find("pager").hidden = shown.length <= PAGE;
    previous.disabled = start === 0;
    next.disabled = start + length >= shown.length;
  };

  const turn = (by) => {
    start = Math.min(Math.max(start + by, 0), Math.max(shown.length - 1, 0));
    draw();
    find("findings").scrollIntoView();
  };

  // --- what people do ---

  for (const head of document.querySelectorAll("#findings-table th[data-sort]")) {
    const button = text("button", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const name = head.dataset.sort;
      const first = ["severity", "exploit"].includes(name);
      sorted = { name, down: sorted.name === name ? !sorted.down : first };
      for (const other of document.querySelectorAll("#findings-table th[aria-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      order();
      start = 0;
      draw();
    });
  }
  // A count shows exactly the rows that it counts.
  for (const card of count < FEW ? [] : document.querySelectorAll("a.card")) {
    card.addEventListener("click", () => {
      const { severity, box, change: kind } = card.dataset;
      for (const choice of controls.querySelectorAll("input[name=severity]")) choice.checked = !severity || choice.value === severity;
      for (const name of BOXES.filter(find)) find(name).checked = name === box || (name === "open" && !kind);
      find("search").value = "";
      if (find("change")) find("change").value = kind ?? "";
      choose();
    });
  }
  let waiting = 0;
  controls.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(choose, 80);
  });
  controls.addEventListener("reset", () => setTimeout(choose));
  controls.addEventListener("submit", (event) => event.preventDefault());
  previous.addEventListener("click", () => turn(-PAGE));
  next.addEventListener("click", () => turn(PAGE));

  // Paper has no pager: all that is chosen is printed, up to a sensible length.
  let place = 0;
  addEventListener("beforeprint", () => {
    place = start;
    start = 0;
    draw(PRINTED);
    for (const each of document.querySelectorAll("details")) each.open = true;
  });
  addEventListener("afterprint", () => {
    start = place;
    draw();
  });

  controls.hidden = count < FEW;
  choose();
})();
