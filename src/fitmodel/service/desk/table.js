// The open pipeline: filters, sums that follow them, and the table.
import { write, download } from "./csv.js";
import { $, debounced, make, notice, show } from "./dom.js";
import { riskBasis, wholeRows } from "./prospects.js";
import * as lines from "./rows.js";
import { money, moment, number, percent, say } from "./text.js";

const FAULTS = 500; // listed; there may be more
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

let metadata = null;
let rows = [];
let filter = none();
let order = { by: "risk", down: true, managersFirst: true };
let kept = []; // the rows that the filters leave, in their order

export function begin() {
  lines.begin($("rows"), drawRow);
  const searched = debounced(() => change({ text: $("search").value }), 80);
  $("search").addEventListener("input", searched);
  $("rep").addEventListener("change", () => change({ rep: $("rep").value }));
  $("export").addEventListener("click", keepExport);
  $("rows").addEventListener("keydown", moveAmongRows);
}

/** Show these rows; filters begin anew. */
export function fill(newRows, newMetadata) {
  [rows, metadata] = [newRows, newMetadata];
  filter = none();
  if (metadata.me.role === "manager") $("filters").prepend($("waiting")); // the queue is a manager's work
  else $("filters").append($("waiting"));
  order = { by: riskBasis(metadata) === null ? "probability" : "risk", down: true, managersFirst: true };
  $("search").value = "";
  translate();
}

/** Draw everything that holds words, of these rows where there are new ones. */
export function translate(newRows = rows) {
  if (metadata === null) return;
  rows = newRows;
  const reps = [...new Set(rows.map((row) => row.rep).filter(Boolean))].sort();
  const options = reps.map((rep) => make("option", { value: rep }, rep));
  $("rep").replaceChildren(make("option", { value: "" }, say("all_reps")), ...options);
  $("rep").value = filter.rep;
  show($("rep-filter"), reps.length > 0);
  explain();
  drawFaults();
  draw();
}

/** Show the rows of now, where anything changed; the filters, the position and the keyboard stay. */
export function learn(newRows) {
  if (JSON.stringify(newRows) === JSON.stringify(rows)) return;
  const held = document.activeElement?.closest("#rows tr")?.dataset.key;
  const top = scrollY;
  translate(newRows);
  scrollTo(0, top);
  lines.update();
  if (held) focusRow(held);
}

function change(part) {
  filter = { ...filter, ...part };
  draw();
}

function none() {
  return { text: "", rep: "", bands: new Set(), waiting: false };
}

const isWaiting = (row) => row.decision?.kind === "asked";

const scored = () => rows.filter((row) => row.assessment);

function matches(row, { bands = filter.bands, waiting = filter.waiting } = {}) {
  const wanted = filter.text.trim().toLowerCase();
  return (
    row.key.toLowerCase().includes(wanted) &&
    (filter.rep === "" || row.rep === filter.rep) &&
    (bands.size === 0 || bands.has(row.assessment.fit)) &&
    (!waiting || isWaiting(row))
  );
}

function chosen() {
  const { of } = COLUMNS[order.by];
  const sign = order.down ? -1 : 1;
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
  return scored().filter((row) => matches(row)).sort((a, b) => {
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
  if (metadata.roles.amount === null) hidden.add("amount");
  if (riskBasis(metadata) === null) hidden.add("risk");
  if (metadata.cost_of_early_churn === null) hidden.add("value");
  return Object.keys(COLUMNS).filter((name) => !hidden.has(name));
}

function draw() {
  kept = chosen();
  drawTiles();
  tellShown();
  drawBands();
  drawWaiting();
  drawColumns();
  $("rows").parentNode.setAttribute("aria-rowcount", kept.length + 1);
  lines.show(kept);
  show($("nothing"), kept.length === 0);
  const isEmpty = rows.length === 0 && metadata.me.role === "rep";
  const key = isEmpty ? "no_own_prospects" : filter.waiting && countWaiting() === 0 ? "nobody_waits" : "nothing";
  $("nothing").textContent = say(key);
  $("export").disabled = kept.length === 0;
}

function drawTiles() {
  const sum = (of) => kept.reduce((total, row) => total + (of(row) ?? 0), 0);
  const poor = kept.filter((row) => row.assessment.fit === "poor");
  const unpriced = kept.filter((row) => row.amount === null).length;
  const tiles = [];
  if (riskBasis(metadata) !== null) {
    const note = unpriced ? say("unpriced", { number: number(unpriced) }) : say("risk_note");
    tiles.push(["risk", money(sum((row) => row.risk)), note, "main"]);
  }
  if (metadata.cost_of_early_churn !== null) {
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
function tellShown() {
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

/** How many wait for a manager, of those that the other filters leave. */
const countWaiting = () => scored().filter((row) => matches(row, { waiting: true })).length;

/** The queue of a manager; without a decision log there is none. */
function drawWaiting() {
  show($("waiting"), rows.some((row) => row.decision !== undefined));
  const button = make("button",
    { type: "button", class: "band", "aria-pressed": String(filter.waiting), "data-band": "waiting", onclick: () => change({ waiting: !filter.waiting }) },
    `${say("waiting")} `, make("span", { class: "count" }, `(${number(countWaiting())})`));
  replaceKeepingFocus($("waiting"), [button], (node) => node.dataset.band);
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
    return make("th", { role: "columnheader", scope: "col", class: numeric ? `${name} numeric` : name, "aria-sort": sorted }, inside);
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

/** Draw what is near the screen, where the table was hidden before. */
export const update = () => lines.update();

/** Put the keyboard on a row. */
export const focusRow = (key) => lines.focus(kept.findIndex((row) => row.key === key));

function drawRow(row, index) {
  const cells = visibleColumns().map((name) => {
    const { text, numeric } = COLUMNS[name];
    return make("td", { role: "cell", class: numeric ? `${name} numeric` : name, "data-label": say(text) }, CELLS[name](row));
  });
  const open = (event) => {
    if (!event.target.closest("a") && !getSelection().toString()) location.hash = linkTo(row);
  };
  return make("tr", { role: "row", "data-key": row.key, "data-index": index, "aria-rowindex": index + 2, onclick: open }, ...cells);
}

const linkTo = (row) => `#/deal/${encodeURIComponent(row.key)}`;

const CELLS = {
  key: (row) => make("span", {}, make("a", { href: linkTo(row) }, row.key), decisionMark(row.decision)),
  rep: (row) => row.rep || "–",
  amount: (row) => money(row.amount),
  probability: ({ assessment }) =>
    make("span", { class: "chance" },
      make("data", { value: assessment.early_churn_probability }, percent(assessment.early_churn_probability)),
      bar(assessment)),
  fit: ({ assessment }) => make("span", {}, badge(assessment), managerMark(assessment)),
  value: ({ assessment }) => make("span", { class: assessment.expected_value < 0 ? "loss" : "", title: worthText(assessment) }, money(assessment.expected_value)),
  risk: (row) => make("strong", {}, money(row.risk)),
  against: ({ concern }) => (concern ? say("label_value", { label: concern.label, value: concern.value_text }) : "–"),
};

/** The band, and a mark where the prospect is unlike past deals. */
export function badge(assessment) {
  const odd = assessment.unfamiliar
    ? make("span", { class: "odd", title: say("unfamiliar") }, make("span", { "aria-hidden": "true" }, " ?"), make("span", { class: "unseen" }, `, ${say("unfamiliar")}`))
    : null;
  return make("span", { class: `badge ${assessment.fit}` }, make("span", { class: "dot", "aria-hidden": "true" }), say(`badge_${assessment.fit}`), odd);
}

/** A mark where the prospect is for a manager to decide. */
const managerMark = (assessment) =>
  assessment.escalate ? make("span", { class: "manager" }, say("manager")) : null;

/** What was decided last, and by whom. */
function decisionMark(decision) {
  if (!decision) return null;
  const { kind, by, time } = decision;
  return make("span", { class: `decided ${kind}`, title: moment(time) }, say(`mark_${kind}`, { by }));
}

/** What the money says, in words; nothing where it is not known. */
export const worthText = (assessment) => (assessment.worth ? say(`worth_${assessment.worth}`) : "");

/** Probability and interval on a line from 0 to 100%; the numbers beside it say the same. */
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
  const line = event.target.closest("tr");
  if (!line || event.target.tagName !== "A") return;
  const here = Number(line.dataset.index);
  const steps = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: kept.length - 1 };
  const next = steps[event.key];
  if (next === undefined || next < 0 || next >= kept.length) return;
  event.preventDefault();
  lines.focus(next);
}

function explain() {
  const basis = riskBasis(metadata);
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
    ...faulty.slice(0, FAULTS).map((row) => make("li", {}, make("strong", {}, row.key), ` ${row.error}`)),
  );
}

/** Open the list of the rows that could not be assessed, and go to it. */
export function seeFaults() {
  $("faults").open = true;
  $("faults-title").focus();
  $("faults").scrollIntoView({ block: "nearest" });
}

async function keepExport() {
  try {
    download("prospects-assessed.csv", exported(await wholeRows(kept, metadata)));
  } catch (error) {
    if (error.status === undefined) throw error;
    notice(error.message || say("no_answer"));
  }
}

function exported(whole) {
  const knowsDecisions = whole.some((row) => row.decision !== undefined);
  const given = Object.keys(whole[0].given);
  const predicted = ["early_churn_probability", "probability_low", "probability_high", "fit", "expected_value",
    "worth", "escalate", "expected_value_low", "expected_value_high"];
  const table = whole.map((row) => [
    ...given.map((name) => row.given[name]),
    ...predicted.map((name) => row.assessment[name]),
    row.risk,
    row.sentences.join(" | "),
    ...(knowsDecisions ? [row.decision?.kind, row.decision?.by, row.decision?.time] : []),
  ]);
  const decided = knowsDecisions ? ["decision", "decided_by", "decided_at"] : [];
  return write([...given, ...predicted, "money_at_risk", "reasons", ...decided], table);
}
