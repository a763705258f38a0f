// What the brief adds to a verdict: conditions under which a poor fit could be signed, and the letter.
import { briefOf, briefPage } from "./api.js";
import { download } from "./csv.js";
import { $, make, show } from "./dom.js";
import { say } from "./text.js";

let asked = null; // the prospect and the name that the brief on screen is on
let running = null;

export function begin() {
  $("letter-copy").addEventListener("click", copyLetter);
  $("brief-file").addEventListener("click", keepBrief);
}

/** Forget the brief of another prospect. */
export function clear() {
  running?.abort();
  asked = null;
  for (const id of ["conditions", "letter"]) show($(id), false);
}

/** Ask for the brief of a prospect as it stands in the form, and draw it. */
export async function draw(prospect, name, isPoor) {
  running?.abort();
  running = new AbortController();
  const mine = (asked = { prospect, name });
  if (!isPoor) {
    for (const id of ["conditions", "letter"]) show($(id), false);
    return;
  }
  $("conditions").setAttribute("aria-busy", "true");
  if ($("conditions").hidden) {
    $("conditions-title").textContent = "";
    $("conditions-body").replaceChildren(make("p", { class: "progress", role: "status" }, say("brief_wait")));
    show($("conditions"));
  }
  try {
    const brief = await briefOf(prospect, name, running.signal);
    if (mine !== asked) return; // another prospect, or other values, meanwhile
    drawConditions(brief.conditions);
    drawLetter(brief.letter);
  } catch (error) {
    if (mine !== asked || error.name === "AbortError") return;
    if (error.status === undefined) throw error;
    $("conditions-body").replaceChildren(make("p", { class: "fault", role: "alert" }, error.message || say("no_answer")));
    show($("conditions"));
    show($("letter"), false);
  }
  $("conditions").setAttribute("aria-busy", "false");
}

function drawConditions({ title, columns, rows, notes }) {
  $("conditions-title").textContent = title;
  const table = rows.length === 0 ? null : conditionTable(columns, rows);
  const paragraphs = notes.map((note) => make("p", { class: "soft small" }, note));
  $("conditions-body").replaceChildren(...[table, ...paragraphs].filter(Boolean));
  show($("conditions"));
}

function conditionTable(columns, rows) {
  const head = columns.map((name) => make("th", { role: "columnheader", scope: "col" }, name));
  const body = rows.map((cells) =>
    make("tr", { role: "row" }, ...cells.map((text, at) => make("td", { role: "cell", "data-label": columns[at] }, text))));
  return make("table", { role: "table", class: "plain" },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head)),
    make("tbody", { role: "rowgroup" }, ...body));
}

function drawLetter({ title, text, notes }) {
  $("letter-title").textContent = title;
  $("letter-notes").replaceChildren(...notes.map((note) => make("p", { class: "soft small" }, note)));
  $("letter-text").textContent = text;
  show($("letter"));
}

async function copyLetter() {
  try {
    await navigator.clipboard.writeText($("letter-text").textContent);
    $("letter-copied").textContent = say("copied");
  } catch {
    getSelection().selectAllChildren($("letter-text")); // a page without https may not copy
    $("letter-copied").textContent = say("copy_by_hand");
  }
}

async function keepBrief() {
  if (asked === null) return;
  try {
    download(`brief-${asked.name}.html`, await briefPage(asked.prospect, asked.name), "text/html");
  } catch (error) {
    if (error.status === undefined) throw error;
    $("brief-fault").textContent = error.message || say("no_answer");
  }
}
