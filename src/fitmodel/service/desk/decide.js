// Decisions on a deal: sign, decline, override, ask a manager, undo; and what was done so far.
import * as api from "./api.js";
import { $, make, show } from "./dom.js";
import { keepName, knownName } from "./people.js";
import { moment, percent, say } from "./text.js";

const LOOK_AGAIN = 10_000; // milliseconds: somebody else may decide meanwhile

let metadata = null;
let row = null;
let prediction = null;
let standing = 0;
let isDeal = false; // decisions on it can be kept
let isLogged = false; // an assessment of the model in use is in the log
let timer = 0;
let turn = 0; // an answer to an earlier question is not shown
let acting = null; // the row that a decision is being sent on: a second click sends no other
let pending = ""; // the action that the dialog is about
let decided = ""; // the decision that stands

export function begin() {
  $("decide-form").addEventListener("submit", (event) => {
    event.preventDefault();
    confirmDecision();
  });
  $("decide-cancel").addEventListener("click", () => $("decide").close());
}

/** Take a deal of the pipeline; a prospect that is only tried has no decisions. */
export function open(newRow, newMetadata) {
  [row, metadata, prediction, isLogged, decided] = [newRow, newMetadata, null, false, ""];
  turn += 1;
  clearInterval(timer);
  isDeal = row !== null && metadata.has.log && metadata.roles.id !== null;
  show($("decisions"), row !== null);
  $("decision-fault").textContent = "";
  $("events").replaceChildren();
  $("decision-buttons").replaceChildren();
  $("decision-standing").textContent = "";
  if (row === null) return;
  if (!isDeal) {
    $("decision-standing").textContent = say("decisions_how");
    return;
  }
  look();
  timer = setInterval(() => {
    if (!document.hidden && !$("deal").hidden) look();
  }, LOOK_AGAIN);
}

/** What the model says of the deal as it is, not of what is tried: only a flagged deal can be overridden. */
export function learn(assessment) {
  prediction = assessment;
  if (isDeal) drawButtons();
}

export function translate() {
  if (row !== null) open(row, metadata);
}

async function look() {
  turn += 1;
  const mine = turn;
  try {
    const result = await api.events(row.given[metadata.roles.id]);
    if (mine !== turn) return;
    standing = result.standing;
    isLogged = result.events.some((event) => event.model_version === metadata.model.version);
    draw(result);
  } catch (error) {
    if (mine !== turn) return;
    if (error.status === undefined) throw error;
    $("decision-fault").textContent = error.message || say("no_answer");
  }
}

function draw({ events, undo_seconds: seconds }) {
  const stands = events.find((event) => event.number === standing && isDecision(event));
  const asked = events.find((event) => event.kind === "asked");
  decided = stands?.kind ?? "";
  $("decision-standing").textContent = stands
    ? say(`did_${stands.kind}`, { by: stands.by, when: moment(stands.time) })
    : asked ? say("did_asked", { by: asked.by, when: moment(asked.time) }) : say("undecided");
  $("decision-standing").className = stands ? `stands ${stands.kind}` : "stands";
  const age = stands ? (Date.now() - Date.parse(stands.time)) / 1000 : Infinity;
  show($("undo"), age < seconds);
  $("undo").onclick = () => undo(stands);
  $("events").replaceChildren(...events.map(drawEvent));
  drawButtons();
}

const isDecision = (event) => event.kind !== "assessed" && event.kind !== "asked" && !event.undone;

function drawEvent(event) {
  const words = event.kind === "assessed"
    ? say("did_assessed", { when: moment(event.time), chance: percent(event.probability), fit: say(`fit_${event.fit}`) })
    : say(`did_${event.kind}`, { by: event.by, when: moment(event.time) });
  const text = event.undone ? make("s", {}, words) : words;
  return make("li", { "data-kind": event.kind }, text, event.undone ? ` ${say("undone")}` : null,
    event.reason ? make("span", { class: "soft" }, ` ${event.reason}`) : null);
}

function drawButtons() {
  if (prediction === null) return;
  const actions = prediction.poor_fit ? ["asked", "declined", "overridden"] : ["signed", "declined"];
  // once something is decided there is nothing to ask, and only another decision to take
  const open = actions.filter((action) => !decided || (action !== "asked" && action !== decided));
  const buttons = open.map((action) => make("button",
    { type: "button", class: !decided && action === open[0] ? "primary" : null, "data-action": action, onclick: () => askFor(action) }, say(`do_${action}`)));
  const held = document.activeElement?.dataset.action;
  $("decision-buttons").replaceChildren(...buttons);
  if (held) $("decision-buttons").querySelector(`[data-action=${held}]`)?.focus();
}

/** One click where nothing is left to ask; a name is asked once, a reason only to override. */
function askFor(action) {
  const name = knownName(metadata);
  const needsReason = action === "overridden" || action === "asked";
  if (name && !needsReason) {
    decide(action, name, "");
    return;
  }
  $("decide-title").textContent = say(`do_${action}`);
  $("decide-name").value = name;
  $("decide-name").readOnly = Boolean(metadata.me.name);
  $("decide-reason").value = "";
  $("decide-reason").required = action === "overridden";
  show($("decide-reason-field"), needsReason);
  pending = action;
  $("decide-fault").textContent = "";
  $("decide").showModal();
  (name ? $("decide-reason") : $("decide-name")).focus();
}

function confirmDecision() {
  const name = $("decide-name").value.trim();
  const reason = $("decide-reason").value.trim();
  if (!name || ($("decide-reason").required && !reason)) return;
  keepName(metadata, name);
  $("decide-fault").textContent = "";
  decide(pending, name, reason);
}

async function decide(action, by, reason) {
  return act(async (id) => {
    if (!isLogged) await api.assess({ ...row.prospect, [metadata.roles.id]: id }, 0); // what people decide on
    const given = { id, by, ...(reason ? { reason } : {}) };
    if (action === "asked") await api.ask(given);
    else await api.decide({ ...given, action, seen: standing });
  });
}

async function undo(event) {
  const by = metadata.me.name || event.by;
  await act((id) => api.undo({ id, number: event.number, by }));
}

async function act(action) {
  if (acting === row) return;
  const mine = row;
  acting = mine;
  $("decision-fault").textContent = "";
  try {
    await action(row.given[metadata.roles.id]);
    $("decide").close();
  } catch (error) {
    if (error.status === undefined) throw error;
    tell(error);
    if (isAway(error)) return; // what was written stays in the dialog, to be sent again
  } finally {
    if (acting === mine) acting = null; // another deal may be decided meanwhile
  }
  if (mine !== row) return;
  await look();
  // the button that was pressed is gone: the keyboard goes to what can be done next
  if (document.activeElement === document.body) ($("undo").hidden ? $("decision-buttons").firstChild : $("undo"))?.focus();
}

/** Whether neither the service nor its decision log answered: the same may be tried again. */
const isAway = ({ status }) => status === 0 || status >= 500;

function tell(error) {
  const words = error.message || say("no_answer");
  if ($("decide").open && isAway(error)) $("decide-fault").textContent = words;
  else {
    $("decide").close();
    $("decision-fault").textContent = words;
  }
}
