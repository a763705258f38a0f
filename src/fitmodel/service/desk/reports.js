// The pages Team, Model and Watch: asked for when they are opened, drawn from the trees they come as.
import * as api from "./api.js";
import { $, make, notice } from "./dom.js";
import { build } from "./nodes.js";
import { label, language, say } from "./text.js";
import { versionsPart } from "./versions.js";
import { missing, ready } from "./waiting.js";

const OLD = 300_000; // milliseconds after which a page is asked for again when it is opened
let metadata = null;
let open = null; // the page that is shown
let turn = 0;
let changed = null; // tells the app that another model is in use

export function begin(modelChanged) {
  changed = modelChanged;
}

export const PAGES = ["team", "model", "watch"];
const DRAW = { team: drawTeam, model: drawModel, watch: drawWatch };

/** Show a page; `part` is the id of a heading in it. */
export async function openPage(name, newMetadata, part) {
  [open, metadata] = [name, newMetadata];
  turn += 1;
  const mine = turn;
  const body = $(`${name}-body`);
  $(`${name}-title`).focus({ preventScroll: true });
  const isNew = Date.now() - Number(body.dataset.time) < OLD;
  if (isNew && body.dataset.language === document.documentElement.lang && !body.dataset.state) {
    jump(part);
    return;
  }
  body.dataset.state = "waiting";
  body.replaceChildren(make("p", { class: "progress", role: "status" }, say("loading")));
  try {
    const nodes = await DRAW[name](() => mine === turn, body);
    if (mine !== turn || nodes === null) return;
    body.replaceChildren(...nodes);
    body.dataset.language = document.documentElement.lang;
    body.dataset.time = Date.now();
    delete body.dataset.state;
    jump(part);
  } catch (error) {
    if (mine !== turn) return;
    if (error.status === undefined) throw error;
    body.replaceChildren(missing(lackingFor(name, error), error, () => openPage(name, metadata, part)));
  }
}

/** What the service lacks for a page: the past deals, or who sold them; null if something else went wrong. */
function lackingFor(name, error) {
  if (error.status !== 404 || name === "model") return null;
  if (!metadata.has.deals) return name;
  return name === "team" ? "rep" : null;
}

/** In another language a page is asked for anew. */
export function translate() {
  for (const name of PAGES) $(`${name}-body`).dataset.state = "old";
  if (open !== null) openPage(open, metadata);
}

export function close() {
  open = null;
  turn += 1;
}

function jump(part) {
  if (part) document.getElementById(part)?.scrollIntoView();
  else scrollTo(0, 0);
}

async function drawTeam(isWanted, body) {
  const result = await ready(api.team, isWanted, body);
  if (result === null) return null;
  const links = result.sections.map(({ id, title }) => make("li", {}, make("a", { href: `#/team/${encodeURIComponent(id)}` }, title)));
  const points = result.points.map((point) => make("li", {}, point));
  const summary = points.length === 0 ? null
    : make("div", { class: "summary" }, make("h2", {}, say("team_points")), make("ul", {}, ...points));
  const sections = result.sections.map(({ id, nodes }) => make("section", { class: "part card", "data-part": id }, ...build(nodes)));
  const quiz = make("p", { class: "actions" }, make("a", { class: "button", href: "#/quiz" }, say("quiz_link")), make("span", { class: "soft" }, say("quiz_link_note")));
  return [make("p", { class: "basis" }, result.basis), summary, quiz,
    make("nav", { "aria-label": say("contents") }, make("ul", {}, ...links)), ...sections].filter(Boolean);
}

async function drawWatch(isWanted, body) {
  const result = await ready(api.watch, isWanted, body);
  if (result === null) return null;
  const drifted = result.drifted.length === 0 ? say("watch_stable") : say("watch_drifted", { names: result.drifted.map(label).join(", ") });
  return [
    make("div", { class: "summary" }, make("p", {}, make("strong", {}, drifted)), make("p", { class: "basis" }, result.basis)),
    make("section", { class: "part card" }, ...build(result.nodes)),
  ];
}

async function drawModel(isWanted) {
  const [{ plots }, card] = await Promise.all([api.modelPlots(), cardOrNothing()]);
  if (!isWanted()) return null;
  const { version, period, attributes } = metadata.model;
  const drawn = plots.map(({ title, plot }) => make("section", { class: "part card" }, make("h2", {}, title), ...build(plot)));
  const most = Math.max(...attributes.map(({ span }) => span), Number.EPSILON);
  const tables = [...attributes].sort((a, b) => b.span - a.span).map((item) => tableOf(item, item.span / most));
  const learned = period ? say("model_learned", { low: period[0], high: period.at(-1) }) : "";
  return [
    make("div", { class: "summary" }, make("p", {}, make("strong", {}, say("model_about", { version })), ` ${learned}`), make("p", {}, metadata.rule[language()])),
    versionsPart(metadata, promoted),
    make("div", { class: "pair" }, ...drawn),
    make("section", { class: "part card" }, make("h2", {}, say("model_tables")), make("p", { class: "note" }, say("model_tables_note")), ...tables),
    card === null ? null : make("section", { class: "part card" }, make("details", {}, make("summary", {}, say("model_card")), ...build(card.nodes))),
  ].filter(Boolean);
}

/** After a promotion the page is about another model; one that was started with a bundle stays. */
async function promoted({ version, in_use: now }) {
  const isHere = now !== metadata.model.version;
  if (isHere) await changed();
  notice(say(isHere ? "promoted" : "promoted_elsewhere", { version, in_use: now }), null, { good: true });
}

async function cardOrNothing() {
  try {
    return await api.modelCard();
  } catch (error) {
    if (error.status === 404) return null; // a bundle without a card
    throw error;
  }
}

/** One attribute's table: its plot comes when it is opened; the line says how much it can move the risk. */
function tableOf({ name }, share) {
  const inside = make("div", {});
  const weight = make("span", { class: "weight", "aria-hidden": "true" });
  weight.style.setProperty("--share", `${100 * share}%`);
  const box = make("details", { "data-attribute": name }, make("summary", {}, weight, label(name)), inside);
  box.addEventListener("toggle", async () => {
    if (!box.open || inside.querySelector("figure")) return;
    inside.replaceChildren(make("p", { class: "progress", role: "status" }, say("loading")));
    try {
      inside.replaceChildren(...build((await api.modelTable(name)).plot));
    } catch (error) {
      if (error.status === undefined) throw error;
      inside.replaceChildren(make("p", { class: "fault", role: "alert" }, error.message || say("no_answer")));
    }
  });
  return box;
}
