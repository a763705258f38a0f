// The quiz: past deals as they stood at signing; everybody predicts, then the model and the outcome are shown.
import * as api from "./api.js";
import { $, make } from "./dom.js";
import { keepName, knownName } from "./people.js";
import { number, percent, say } from "./text.js";
import { missing, ready } from "./waiting.js";

let metadata = null;
let turn = 0; // whatever was begun for another turn is not shown

/** Show the page from its start: who takes part, and how it went so far. */
export async function open(newMetadata) {
  metadata = newMetadata;
  $("quiz-title").focus({ preventScroll: true });
  scrollTo(0, 0);
  await shown(async () => [startForm(), ...history(await api.quizScores())]);
}

export const close = () => {
  turn += 1;
};

/** In another language the page begins anew, but not while a deal is asked about: answers would be lost. */
export function translate() {
  if (!document.getElementById("quiz-question")) open(metadata);
}

/** Draw what an action gives; an error of the service is shown instead, and the same can be tried again. */
async function shown(action) {
  turn += 1;
  const mine = turn;
  const body = $("quiz-body");
  try {
    const nodes = await action(() => mine === turn, body);
    if (mine === turn && nodes !== null) body.replaceChildren(...nodes);
  } catch (error) {
    if (mine !== turn) return;
    if (error.status === undefined) throw error;
    const lacking = error.status === 404 && !metadata.has.deals ? "team" : null;
    body.replaceChildren(missing(lacking, error, () => shown(action)));
  }
}

function startForm() {
  const names = make("input", { id: "quiz-names", required: true, maxlength: 400, autocomplete: "name" });
  names.value = knownName(metadata);
  names.readOnly = Boolean(metadata.me.name);
  const form = make("form", { id: "quiz-start", class: "inline-form", autocomplete: "off" },
    make("label", {}, make("span", {}, say("quiz_names")), names),
    make("p", { class: "actions" }, make("button", { type: "submit", class: "primary" }, say("quiz_start"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const people = [...new Set(names.value.split(/[,，;；、]/).map((name) => name.trim()).filter(Boolean))];
    if (people.length === 0) return;
    if (people.length === 1) keepName(metadata, people[0]);
    begin(people);
  });
  return make("section", { class: "part card" }, make("p", {}, say("quiz_intro")),
    metadata.has.log ? null : make("p", { class: "soft small" }, say("quiz_unkept")), form);
}

async function begin(people) {
  await shown(async (isWanted, body) => {
    const made = await ready(api.quiz, isWanted, body);
    return made === null ? null : question(made, people, 0, Object.fromEntries(people.map((name) => [name, []])));
  });
}

/** One deal; when everybody has given a number, the next one, and after the last the answers. */
function question(made, people, index, guesses) {
  const { number: position, signed, attributes: known } = made.questions[index];
  const fields = people.map((name, at) => {
    const input = make("input", { type: "number", min: 0, max: 100, step: "any", inputmode: "decimal", required: true, "data-person": name, id: `guess-${at}` });
    return make("label", {}, make("span", {}, say("quiz_ask", { person: name })), input);
  });
  const isLast = index === made.questions.length - 1;
  const form = make("form", { id: "quiz-guess", class: "inline-form", autocomplete: "off" }, ...fields,
    make("p", { class: "actions" }, make("button", { type: "submit", class: "primary" }, say(isLast ? "quiz_last" : "quiz_next"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    for (const input of form.querySelectorAll("input")) guesses[input.dataset.person][index] = Number(input.value) / 100;
    if (isLast) finish(made, guesses);
    else show(question(made, people, index + 1, guesses));
  });
  const rows = known.map(({ name, value }) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  const asked = { level: percent(made.level), months: made.horizon_months };
  return [make("section", { class: "part card", id: "quiz-question" },
    make("h2", {}, say("quiz_deal", { number: position, size: made.questions.length, signed })),
    make("progress", { max: made.questions.length, value: index, "aria-label": say("quiz_progress") }),
    make("p", { class: "note" }, say("quiz_question", asked)), make("dl", { class: "values" }, ...rows), form)];
}

function show(nodes) {
  $("quiz-body").replaceChildren(...nodes);
  $("quiz-body").querySelector("input")?.focus();
}

async function finish(made, guesses) {
  await shown(async (isWanted, body) => {
    const result = await ready(() => answered({ quiz: made.quiz, guesses }), isWanted, body);
    return result === null ? null : [...results(made, guesses, result), ...history(result)];
  });
}

/** A service that was restarted meanwhile scores the past deals anew: wait for it. */
async function answered(given) {
  try {
    return await api.quizAnswers(given);
  } catch (error) {
    if (error.status !== 503) throw error;
    return { state: "computing", step: error.message };
  }
}

function results(made, guesses, { answers, brier, kept }) {
  const tiles = [...Object.entries(brier.people), [say("quiz_model"), brier.model], [say("quiz_level", { level: percent(made.level) }), brier.level]];
  const people = Object.keys(guesses);
  const head = [say("quiz_outcome"), ...people, say("quiz_model"), say("reasons")];
  const lines = answers.map((answer, at) => [
    say(answer.left_early ? "quiz_left" : "quiz_stayed"),
    ...people.map((name) => percent(guesses[name][at])), percent(answer.probability), answer.reasons.join(say("list_mark")),
  ]);
  return [
    make("section", { class: "part card", id: "quiz-result" }, make("h2", {}, say("quiz_done")),
      make("dl", { class: "tiles" }, ...tiles.map(([name, value]) => make("div", { class: "tile" }, make("dt", {}, name), make("dd", { class: "figure" }, score(value)), make("dd", { class: "soft small" }, say("quiz_brier"))))),
      make("p", { class: "note" }, say("quiz_scale")),
      kept ? null : make("p", { class: "soft small" }, say("quiz_unkept")),
      plainTable([say("quiz_of"), ...head], lines.map((cells, at) => [answers[at].deal ?? String(at + 1), ...cells])),
      make("p", { class: "actions" }, make("button", { type: "button", class: "primary", id: "quiz-again", onclick: () => open(metadata) }, say("quiz_again")))),
  ];
}

function history({ scores, practice }) {
  if (scores.length === 0) return [];
  const head = ["quiz_day", "quiz_person", "quiz_questions", "quiz_brier", "quiz_model", "quiz_level_short"].map((key) => say(key));
  const lines = scores.map((row) => [row.day, row.person, number(row.questions), score(row.brier), score(row.model), score(row.level)]);
  return [make("section", { class: "part card", id: "quiz-history" }, make("h2", {}, say("quiz_history")),
    plainTable(head, lines), ...practice.map((sentence) => make("p", { class: "note" }, sentence)))];
}

const score = (value) => value.toFixed(3);

function plainTable(head, lines) {
  const row = (cells) => make("tr", { role: "row" }, ...cells.map((text, at) => make("td", { role: "cell", class: head[at] === say("reasons") ? "words" : null, "data-label": head[at] }, text)));
  return make("div", { class: "scroll" }, make("table", { role: "table", class: "plain" },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head.map((text) => make("th", { role: "columnheader", scope: "col" }, text)))),
    make("tbody", { role: "rowgroup" }, ...lines.map(row))));
}
