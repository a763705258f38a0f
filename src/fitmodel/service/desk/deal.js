// One prospect: the verdict, the reasons and the form; typing moves the probability.
import { assess } from "./api.js";
import * as brief from "./brief.js";
import * as decide from "./decide.js";
import { $, debounced, make, show } from "./dom.js";
import { drawForm, markFields, readForm, resetForm } from "./form.js";
import { moneyAtRisk, riskBasis } from "./prospects.js";
import { drawReasons } from "./reasons.js";
import * as timeline from "./timeline.js";
import { badge, bar, worthText } from "./table.js";
import { apart, label, money, percent, say } from "./text.js";

const PAUSE = 120; // milliseconds without a key before the service is asked
const REASONS = 8;

let metadata = null;
let shown = null; // the row, or null for a prospect that is only tried
let before = null; // the prediction before anything was changed
let prediction = null;
let running = null;
let turn = 0;

export function begin() {
  brief.begin();
  decide.begin();
  const later = debounced(ask, PAUSE);
  $("form").addEventListener("input", () => {
    turn += 1; // whatever is on its way is stale now
    $("verdict").setAttribute("aria-busy", "true");
    later();
  });
  $("form").addEventListener("submit", (event) => event.preventDefault());
  $("reset").addEventListener("click", () => {
    resetForm();
    ask();
    $("deal-title").focus();
  });
}

/** Show a prospect of the pipeline, or the made-up one of the model. */
export function open(row, newMetadata) {
  [metadata, shown, before, prediction] = [newMetadata, row, row?.assessment ?? null, null];
  drawForm(metadata, row === null ? metadata.example : row.prospect);
  $("verdict").replaceChildren(make("p", { class: "soft" }, say("asking")));
  drawReasons($("reasons"), []);
  brief.clear();
  decide.open(row, metadata);
  if (before !== null) decide.learn(before);
  timeline.open(row, metadata);
  translate();
  return ask();
}

/** Draw what holds words; the form's values stay. */
export function translate() {
  if (metadata === null) return;
  $("deal-title").textContent = shown === null ? say("try_title") : shown.key;
  const parts = shown === null ? [say("try_text")] : [apart(shown.rep), shown.amount === null ? "" : say("a_year", { amount: money(shown.amount) })];
  $("deal-rep").textContent = parts.filter(Boolean).join(" · ");
  if (prediction !== null) draw();
}

/** The form in another language: drawn anew, with what was typed. */
export function translateForm() {
  if (metadata === null) return;
  const typed = readForm();
  drawForm(metadata, shown === null ? metadata.example : shown.prospect);
  for (const control of $("fields").querySelectorAll("input, select")) {
    if (typed !== null && typed[control.name] !== undefined) control.value = typed[control.name] ?? "";
  }
  translate();
  decide.translate();
  timeline.open(shown, metadata);
  if (before !== null) decide.learn(before);
  if (prediction !== null) ask(); // its sentences in the new language
}

async function ask() {
  turn += 1;
  const mine = turn;
  running?.abort();
  running = new AbortController();
  const prospect = readForm();
  if (prospect === null) {
    fault(say("not_a_number"));
    return;
  }
  $("verdict").setAttribute("aria-busy", "true");
  try {
    const answer = await assess(prospect, REASONS, running.signal);
    if (mine !== turn) return; // something newer was asked meanwhile
    prediction = { ...answer, amount: amountOf(prospect) };
    draw();
    await brief.draw(prospect, shown === null ? say("try_title") : shown.key, prediction.poor_fit);
  } catch (error) {
    if (mine !== turn || error.name === "AbortError") return;
    if (error.status === undefined) throw error;
    fault(error.message || say("no_answer"));
  }
}

function amountOf(prospect) {
  const value = prospect[metadata.roles.amount];
  return value === null || value === undefined || value === "" ? null : Number(value);
}

function fault(text) {
  markFields([]);
  brief.clear();
  $("verdict").setAttribute("aria-busy", "false");
  $("verdict").replaceChildren(make("p", { class: "fault", role: "alert" }, text));
  show($("why"), false);
  $("reset").disabled = false;
}

function draw() {
  const changed = markFields(prediction.unfamiliar_because);
  if (!changed) {
    before = prediction;
    decide.learn(prediction);
  }
  $("reset").disabled = !changed;
  $("verdict").setAttribute("aria-busy", "false");
  $("verdict").replaceChildren(...verdict(changed));
  show($("why"));
  drawReasons($("reasons"), prediction.reasons);
  const chance = percent(prediction.early_churn_probability);
  $("live").textContent = say("live", { chance, fit: say(`badge_${prediction.fit}`) });
}

function verdict(changed) {
  const { early_churn_probability: p, probability_low: low, probability_high: high } = prediction;
  const months = metadata.model.horizon_months;
  const moved = changed && before !== null ? p - before.early_churn_probability : 0;
  const was = changed && before !== null
    ? make("p", { class: `was ${moved > 0 ? "up" : "down"}` }, say("was", { chance: percent(before.early_churn_probability) }))
    : null;
  const within = months === 1 ? "chance_within_one" : "chance_within";
  const asked = months ? say(within, { months }) : say("chance");
  return [
    make("div", { class: "verdict-head" }, make("p", { class: "soft" }, asked), badge({ ...prediction, unfamiliar: false })),
    prediction.escalate ? make("p", { class: "caution" }, say("escalate")) : null,
    make("p", { class: "chance-figure" }, make("data", { id: "probability", value: p }, percent(p)), was),
    bar(prediction),
    make("p", { class: "soft small" }, say("interval", { low: percent(low), high: percent(high), level: percent(metadata.model.level) })),
    figures(),
    prediction.unfamiliar
      ? make("p", { class: "caution" }, say("unlike", { names: prediction.unfamiliar_because.map(label).join(", ") }))
      : null,
    ...prediction.notes.map((text) => make("p", { class: "soft small", "data-note": "" }, text)),
  ].filter(Boolean);
}

function figures() {
  const items = [];
  const { amount, expected_value: value, expected_value_low: low, expected_value_high: high } = prediction;
  if (metadata.cost_of_early_churn !== null) {
    items.push(["value", money(value), value < 0 ? "loss" : ""]);
    if (prediction.worth) items.push(["worth", worthText(prediction), prediction.worth === "loses" ? "loss" : "", "words"]);
    if (low !== null) items.push(["value_between", say("between", { low: money(low), high: money(high) }), "", "words"]);
  }
  if (riskBasis(metadata) !== null) items.push(["risk", money(moneyAtRisk(prediction.early_churn_probability, amount, metadata)), ""]);
  return make("dl", { class: "figures" }, ...items.map(([key, text, kind, form]) =>
    make("div", { "data-figure": key, class: form ?? null }, make("dt", {}, say(key)), make("dd", { class: kind }, text))));
}
