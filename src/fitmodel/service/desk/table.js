// The open pipeline: filters, sums that follow them, and the table.
import { write, download } from "./csv.js";
import { $, debounced, make, show } from "./dom.js";
import { riskBasis } from "./prospects.js";
import { money, number, percent, say } from "./text.js";

const PAGE = 100; // rows drawn at first; more on request
const BANDS = ["poor", "watch", "good"];
const COLUMNS = {
  key: { text: "prospect", of: (row) => row.key },
  rep: { text: "rep", of: (row) => row.rep },
  amount: { text: "amount", of: (row) => row.amount, numeric: true },
  probability: { text: "probability", of: (row) => row.assessment.early_churn_probability, numeric: true },
  fit: { text: "fit", of: (row) => BANDS.indexOf(row.assessment.fit) },
  value: { text: "value", of: (row) => row.assessment.expected_value, numeric: true },
  risk: { text: "risk", of: (row) => row.risk, numeric: true },
  against: { text: "against_most", of: null },
};

let facts = null;
let rows = [];
let filter = { text: "", rep: "", bands: new Set() };
let order = { by: "risk", down: true, managersFirst: true };
let drawn = PAGE;

export function begin() {
  const searched = debounced(() => change({ text: $("search").value }), 80);
  $("search").addEventListener("input", searched);
  $("rep").addEventListener("change", () => change({ rep: $("rep").value }));
  $("show-more").addEventListener("click", () => {
    drawn += 5 * PAGE;
    draw();
  });
  $("export").addEventListener("click", () => download("prospects-assessed.csv", exported()));
  $("rows").addEventListener("keydown", moveAmongRows);
}

/** Show these rows; filters begin anew. */
export function fill(newRows, newFacts) {
  [rows, facts, drawn] = [newRows, newFacts, PAGE];
  filter = { text: "", rep: "", bands: new Set() };
  order = { by: riskBasis(facts) === null ? "probability" : "risk", down: true, managersFirst: true };
  $("search").value = "";
  translate();
}

/** Draw everything that holds words. */
export function translate() {
  if (facts === null) return;
  const reps = [...new Set(rows.map((row) => row.rep).filter(Boolean))].sort();
  const options = reps.map((rep) => make("option", { value: rep }, rep));
  $("rep").replaceChildren(make("option", { value: "" }, say("all_reps")), ...options);
  $("rep").value = filter.rep;
  show($("rep-filter"), reps.length > 0);
  explain();
  drawFaults();
  draw();
}

function change(part) {
  filter = { ...filter, ...part };
  drawn = PAGE;
  draw();
}

const scored = () => rows.filter((row) => row.assessment);

function matches(row, { bands = filter.bands } = {}) {
  const wanted = filter.text.trim().toLowerCase();
  return (
    row.key.toLowerCase().includes(wanted) &&
    (filter.rep === "" || row.rep === filter.rep) &&
    (bands.size === 0 || bands.has(row.assessment.fit))
  );
}

function chosen() {
  const { of } = COLUMNS[order.by];
  const sign = order.down ? -1 : 1;
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
  const kept = scored().filter((row) => matches(row));
  return kept.sort((a, b) => {
    const escalated = Number(b.assessment.escalate) - Number(a.assessment.escalate);
    if (order.managersFirst && escalated !== 0) return escalated;
    const [first, second] = [of(a), of(b)];
    if (first === null || second === null) return (first === null) - (second === null); // unknown last
    return sign * compare(first, second);
  });
}

function visibleColumns() {
  const hidden = new Set();
  if (!rows.some((row) => row.rep)) hidden.add("rep");
  if (facts.roles.amount === null) hidden.add("amount");
  if (riskBasis(facts) === null) hidden.add("risk");
  if (facts.cost_of_early_churn === null) hidden.add("value");
  return Object.keys(COLUMNS).filter((name) => !hidden.has(name));
}

function draw() {
  const kept = chosen();
  drawTiles(kept);
  tellShown(kept);
  drawBands();
  drawColumns();
  $("rows").replaceChildren(...kept.slice(0, drawn).map(drawRow));
  show($("nothing"), kept.length === 0);
  show($("more"), kept.length > drawn);
  $("show-more").textContent = say("more", { number: number(Math.min(5 * PAGE, kept.length - drawn)) });
  $("export").disabled = kept.length === 0;
}

function drawTiles(kept) {
  const sum = (of) => kept.reduce((total, row) => total + (of(row) ?? 0), 0);
  const poor = kept.filter((row) => row.assessment.fit === "poor");
  const unpriced = kept.filter((row) => row.amount === null).length;
  const tiles = [];
  if (riskBasis(facts) !== null) {
    const note = unpriced ? say("unpriced", { number: number(unpriced) }) : say("risk_note");
    tiles.push(["risk", money(sum((row) => row.risk)), note, "main"]);
  }
  if (facts.cost_of_early_churn !== null) {
    tiles.push(["value", money(sum((row) => row.assessment.expected_value)), say("value_note")]);
  }
  tiles.push(["prospects", number(kept.length), say("of_all", { number: number(scored().length) })]);
  const share = percent(poor.length / Math.max(kept.length, 1));
  tiles.push(["poor_fits", number(poor.length), say("share_note", { share })]);
  const escalated = kept.filter((row) => row.assessment.escalate).length;
  if (escalated > 0) tiles.push(["manager", number(escalated), say("manager_note")]);
  $("tiles").replaceChildren(
    ...tiles.map(([key, value, note, kind]) =>
      make("div", { class: `tile ${kind ?? ""}`, "data-tile": key },
        make("dt", {}, say(key)), make("dd", { class: "figure" }, value), make("dd", { class: "soft small" }, note)),
    ),
  );
}

/** One line for those who listen: the tiles would be read out whole at every key. */
function tellShown(kept) {
  $("shown").textContent = say("shown", { number: number(kept.length), all: number(scored().length) });
}

/** A button for each band, with how many it would show. */
function drawBands() {
  const buttons = BANDS.map((band) => {
    const count = scored().filter((row) => matches(row, { bands: new Set([band]) })).length;
    const pressed = filter.bands.has(band);
    return make("button",
      { type: "button", class: `band ${band}`, "aria-pressed": String(pressed), "data-band": band, onclick: () => toggle(band) },
      make("span", { class: "dot", "aria-hidden": "true" }), `${say(`badge_${band}`)} `, make("span", { class: "count" }, number(count)));
  });
  replaceKeepingFocus($("bands"), buttons, (node) => node.dataset.band);
}

function toggle(band) {
  const bands = new Set(filter.bands);
  if (!bands.delete(band)) bands.add(band);
  change({ bands });
}

function drawColumns() {
  const headings = visibleColumns().map((name) => {
    const { text, of, numeric } = COLUMNS[name];
    const active = order.by === name;
    const sorted = active ? (order.down ? "descending" : "ascending") : null;
    const inside = of === null
      ? make("span", {}, say(text))
      : make("button", { type: "button", "data-sort": name, onclick: () => sortBy(name) }, say(text),
          make("span", { class: "arrow", "aria-hidden": "true" }, active ? (order.down ? "▼" : "▲") : ""));
    return make("th", { role: "columnheader", scope: "col", class: numeric ? "numeric" : null, "aria-sort": sorted }, inside);
  });
  replaceKeepingFocus($("columns"), headings, (node) => node.dataset.sort);
}

function sortBy(name) {
  const down = order.by === name ? !order.down : Boolean(COLUMNS[name].numeric);
  order = { by: name, down, managersFirst: false };
  draw();
}

function replaceKeepingFocus(parent, nodes, nameOf) {
  const held = parent.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  parent.replaceChildren(...nodes);
  if (held) [...parent.querySelectorAll("button")].find((node) => nameOf(node) === held)?.focus();
}

function drawRow(row) {
  const cells = visibleColumns().map((name) => {
    const { text, numeric } = COLUMNS[name];
    return make("td", { role: "cell", class: `${name} ${numeric ? "numeric" : ""}`, "data-label": say(text) }, CELLS[name](row));
  });
  const open = (event) => {
    if (!event.target.closest("a") && !getSelection().toString()) location.hash = linkTo(row);
  };
  return make("tr", { role: "row", "data-key": row.key, onclick: open }, ...cells);
}

export const linkTo = (row) => `#/deal/${encodeURIComponent(row.key)}`;

const CELLS = {
  key: (row) => make("a", { href: linkTo(row) }, row.key),
  rep: (row) => row.rep || "–",
  amount: (row) => money(row.amount),
  probability: ({ assessment }) =>
    make("span", { class: "chance" },
      make("data", { value: assessment.early_churn_probability }, percent(assessment.early_churn_probability)),
      bar(assessment)),
  fit: ({ assessment }) => make("span", {}, badge(assessment), managerMark(assessment)),
  value: ({ assessment }) => make("span", { class: assessment.expected_value < 0 ? "loss" : "", title: worthText(assessment) }, money(assessment.expected_value)),
  risk: (row) => make("strong", {}, money(row.risk)),
  against: ({ assessment }) => {
    const first = assessment.reasons.find((reason) => reason.contribution > 0);
    if (!first) return "–";
    return make("span", { title: first.sentence }, `${first.label}: ${first.value_text}`);
  },
};

/** The band, and a mark where the prospect is unlike past deals. */
export function badge(assessment) {
  const odd = assessment.unfamiliar
    ? make("span", { class: "odd", title: say("unfamiliar") }, make("span", { "aria-hidden": "true" }, " ?"), make("span", { class: "unseen" }, `, ${say("unfamiliar")}`))
    : null;
  return make("span", { class: `badge ${assessment.fit}` }, make("span", { class: "dot", "aria-hidden": "true" }), say(`badge_${assessment.fit}`), odd);
}

/** A mark where the prospect is for a manager to decide. */
export const managerMark = (assessment) =>
  assessment.escalate ? make("span", { class: "manager" }, say("manager")) : null;

/** What the money says, in words; nothing where it is not known. */
export const worthText = (assessment) => (assessment.worth ? say(`worth_${assessment.worth}`) : "");

/** Probability and interval on a line from 0 to 100 %; the numbers beside it say the same. */
export function bar({ early_churn_probability: p, probability_low: low, probability_high: high, fit }) {
  const range = make("span", { class: "range" });
  range.style.left = `${100 * low}%`;
  range.style.width = `${100 * (high - low)}%`;
  const point = make("span", { class: "point" });
  point.style.left = `${100 * p}%`;
  return make("span", { class: `line ${fit}`, "aria-hidden": "true" }, range, point);
}

/** Arrow keys, Home and End go from row to row. */
function moveAmongRows(event) {
  const links = [...$("rows").querySelectorAll("a")];
  const here = links.indexOf(document.activeElement);
  const steps = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: links.length - 1 };
  const next = links[steps[event.key]];
  if (here < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

function explain() {
  const basis = riskBasis(facts);
  const lines = basis === null
    ? ["meaning_none"]
    : basis === "amount" ? ["meaning_amount"] : ["meaning_value", "meaning_cost", "meaning_sum"];
  $("meaning").replaceChildren(...[...lines, "meaning_bands", "meaning_manager"].map((key) => make("p", {}, say(key))));
}

function drawFaults() {
  const faulty = rows.filter((row) => row.error);
  show($("faults"), faulty.length > 0);
  $("faults-title").textContent = say("faults", { number: number(faulty.length) });
  $("fault-list").replaceChildren(
    ...faulty.slice(0, 5 * PAGE).map((row) => make("li", {}, make("strong", {}, row.key), ` ${row.error}`)),
  );
}

function exported() {
  const given = Object.keys(rows[0].given);
  const said = ["early_churn_probability", "probability_low", "probability_high", "fit", "expected_value",
    "worth", "escalate", "expected_value_low", "expected_value_high"];
  const table = chosen().map((row) => [
    ...given.map((name) => row.given[name]),
    ...said.map((name) => row.assessment[name]),
    row.risk,
    row.assessment.reasons.map((reason) => reason.sentence).join(" | "),
  ]);
  return write([...given, ...said, "money_at_risk", "reasons"], table);
}
