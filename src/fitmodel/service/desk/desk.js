// The deal desk: facts -> pipeline or upload -> assessed rows -> the view that the address names.
import * as api from "./api.js";
import * as deal from "./deal.js";
import { $, notice, progress, show } from "./dom.js";
import * as reports from "./reports.js";
import { assessRows, readProspects } from "./prospects.js";
import * as table from "./table.js";
import { learnWords, number, say, speak, wanted } from "./text.js";

const KEPT = "fitmodel.upload"; // an upload lives as long as the tab, like the token
const TOUR = "fitmodel.tour"; // kept once the guide is closed
let facts = null;
let rows = [];
let source = null; // name of the table, and whether it was uploaded
let loading = null;
let left = null; // the row that was open, to come back to

async function start() {
  await speak(wanted());
  for (const part of [table, deal]) part.begin();
  listen();
  loading = load();
}

async function load() {
  notice(null);
  try {
    progress(say("loading"));
    facts = { ...(await api.facts()), me: await api.me() };
    learnWords(facts.words);
    show($("sign-out"), api.hasToken());
    show($("tour"), facts.tour && localStorage.getItem(TOUR) === null);
    const kept = keptUpload();
    if (kept) await take(kept.text, kept.name, true);
    else if (facts.pipeline) await take(await api.pipelineText(), facts.pipeline, false);
    else await take(null, null, false);
  } catch (error) {
    complain(error, load);
  } finally {
    progress(null);
  }
}

function complain(error, again = null) {
  const known = error.status !== undefined;
  notice(error.message || say("no_answer"), known ? again : null);
}

/** Take a table into use; one that is no pipeline leaves what was there before. */
async function take(text, name, uploaded) {
  if (text !== null) {
    const read = readProspects(text, facts);
    const told = (done) => progress(say("scoring", { done: number(done), all: number(read.length) }));
    rows = await assessRows(read, facts, told);
    source = { name, uploaded };
    table.fill(rows, facts);
  } else {
    rows = [];
    source = null;
  }
  describe();
  route();
}

function describe() {
  const months = facts.model.horizon_months;
  $("source").textContent = [
    source?.name,
    source && say("so_many", { number: number(rows.length) }),
    months && say(months === 1 ? "horizon_one" : "horizon", { months }),
  ].filter(Boolean).join(" · ");
  $("empty-columns").textContent = say("needs", { names: facts.model.attributes.map((item) => item.name).join(", ") });
  $("foot").textContent = say("foot", { version: facts.model.version });
  show($("empty"), source === null);
  show($("filled"), source !== null);
  show($("export"), source !== null);
  show($("upload"), source !== null);
  show($("clear"), Boolean(source?.uploaded));
}

// -- uploads ----------------------------------------------------------------------------------

async function upload(file) {
  if (!file) return;
  await loading;
  if (facts === null) return; // what is wrong has been said
  notice(null);
  if (file.size > facts.limits.bytes) {
    notice(say("upload_long", { most: number(facts.limits.bytes / 1e6) }));
    return;
  }
  try {
    const text = decodedFile(await file.arrayBuffer());
    await take(text, file.name, true);
    keep(file.name, text);
    location.hash = "#/";
  } catch (error) {
    complain(error);
  } finally {
    progress(null);
    $("file").value = "";
  }
}

function decodedFile(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(say("upload_encoding"));
  }
}

function keep(name, text) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ name, text }));
  } catch {
    sessionStorage.removeItem(KEPT); // too large to keep: a reload forgets it
  }
}

const keptUpload = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null");

// -- the address ------------------------------------------------------------------------------

function route() {
  if (facts === null) return;
  const [, view, key] = /^#\/(deal|try|team|model|watch)?(?:\/(.*))?$/.exec(location.hash || "#/") ?? [];
  const row = view === "deal" ? rows.find((item) => item.key === decoded(key)) : null;
  notice(null);
  if (reports.PAGES.includes(view)) {
    openView(view, `#/${view}`);
    reports.openPage(view, facts, decoded(key));
    return;
  }
  reports.close();
  if (view === "try" || row?.assessment) {
    left = row?.key ?? null;
    openView("deal", view === "try" ? "#/try" : "#/");
    deal.open(row ?? null, facts);
    $("deal-title").focus({ preventScroll: true });
    scrollTo(0, 0);
    return;
  }
  openView("pipeline", "#/");
  if (view === "deal") notice(row ? `${row.key}: ${row.error}` : say("no_such", { key: decoded(key) }));
  else focusRow();
}

function decoded(key) {
  try {
    return decodeURIComponent(key ?? "");
  } catch {
    return key; // somebody typed a lone %
  }
}

function openView(name, current) {
  for (const view of ["pipeline", "deal", ...reports.PAGES]) show($(view), view === name);
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Back from a deal, the keyboard stands on its row again. */
function focusRow() {
  const link = left && [...$("rows").querySelectorAll("tr")].find((line) => line.dataset.key === left);
  link?.querySelector("a").focus();
  left = null;
}

// -- what the header does ---------------------------------------------------------------------

function listen() {
  addEventListener("hashchange", route);
  $("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address names the view
    $("main").focus();
  });
  $("language").addEventListener("change", async () => {
    await speak($("language").value);
    if (facts === null) return;
    describe();
    table.translate();
    deal.translateForm();
    reports.translate();
    drawTheme();
  });
  $("theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("fitmodel.theme", theme);
    drawTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawTheme);
  drawTheme();
  $("sign-out").addEventListener("click", () => {
    api.forgetToken();
    sessionStorage.removeItem(KEPT);
    location.reload();
  });
  for (const id of ["upload", "upload-first"]) $(id).addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => upload($("file").files[0]));
  $("tour-close").addEventListener("click", () => {
    localStorage.setItem(TOUR, "closed");
    show($("tour"), false);
    $("main").focus();
  });
  $("clear").addEventListener("click", () => {
    sessionStorage.removeItem(KEPT);
    load();
  });
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function drawTheme() {
  $("theme").setAttribute("aria-checked", String(isDark()));
}

start();
