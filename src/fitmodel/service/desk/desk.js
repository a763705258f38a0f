// The deal desk: metadata -> pipeline or upload -> assessed rows -> the view that the address names.
import * as api from "./api.js";
import * as deal from "./deal.js";
import { $, make, notice, progress, show } from "./dom.js";
import * as quiz from "./quiz.js";
import * as reports from "./reports.js";
import { assessRows, readProspects, servedRows, wholeRow, unlikeText } from "./prospects.js";
import * as table from "./table.js";
import { language, learnWords, number, say, speak, wanted } from "./text.js";

const KEPT = "fitmodel.upload"; // an upload lives as long as the tab, like the token
const TOUR = "fitmodel.tour"; // kept once the guide is closed
const LOOK_AGAIN = 30_000; // milliseconds: others decide, and ask, meanwhile
const STEPS = { pipeline: "pipeline", deal: "pipeline", team: "team", quiz: "team", model: "model", watch: "watch" }; // of the guide
let metadata = null;
let rows = [];
let source = null; // name of the table, and whether it was uploaded
let loading = null;
let isAway = false; // what was decided could not be asked
let isFresh = false; // the rows say what was decided up to now
let turn = 0; // rows that were asked for before somebody went on are not shown
let left = null; // the row that was open, to come back to

function start() {
  for (const part of [table, deal]) part.begin();
  reports.begin(modelChanged);
  listen();
  loading = load(speak(wanted()), earlyRows());
}

/** The rows, asked for with the metadata, where the page says that there are some to be shown. */
function earlyRows() {
  if (!("rows" in document.documentElement.dataset) || keptUpload()) return null;
  const answer = api.pipelineRows({ spoken: wanted() });
  answer.catch(() => {}); // reported where it is waited for
  return answer;
}

async function load(spoken = null, early = null) {
  notice(null);
  try {
    const [result, me] = await Promise.all([api.metadata(), api.me(), spoken]);
    progress(say("loading"));
    metadata = { ...result, me };
    learnWords(metadata.words, metadata.recorded);
    show($("sign-out"), api.hasToken());
    show($("tour"), metadata.tour && localStorage.getItem(TOUR) === null);
    if ([...reports.PAGES, "quiz"].some((name) => location.hash.startsWith(`#/${name}`))) route(); // needs no pipeline
    const kept = keptUpload();
    if (kept) await takeUpload(kept.text, kept.name);
    else if (metadata.pipeline) await takeServed(early ?? undefined);
    else use([], null);
  } catch (error) {
    complain(error, () => load());
  } finally {
    progress(null);
  }
}

/** Another model is in use: all its predictions are asked for anew. */
async function modelChanged() {
  await load();
  reports.translate();
}

function complain(error, again = null) {
  const known = error.status !== undefined;
  notice(error.message || say("no_answer"), known ? again : null);
}

/** Take an upload into use; one that is not a pipeline leaves what was there before. */
async function takeUpload(text, name) {
  const read = readProspects(text, metadata);
  const onProgress = (done) => progress(say("scoring", { done: number(done), all: number(read.length) }));
  use(await assessRows(read, metadata, onProgress), { name, uploaded: true });
}

/** Take the service's own pipeline into use. */
async function takeServed(answer) {
  const { rows: served, problem } = await servedRows(metadata, answer);
  use(served, { name: metadata.pipeline, uploaded: false }, problem);
}

/** Show these rows; without a source there are none. */
function use(newRows, newSource, problem = null) {
  [rows, source, isFresh] = [newRows, newSource, true];
  tellDecisions(problem);
  if (source !== null) table.fill(rows, metadata);
  describe();
  route();
}

/** Say where the decision log does not answer: no row says then what was decided. */
function tellDecisions(problem) {
  $("decisions-problem").textContent = problem ?? "";
  show($("decisions-problem"), Boolean(problem));
}

function describe() {
  const months = metadata.model.horizon_months;
  const faulty = rows.filter((row) => row.error).length;
  const parts = [
    source?.name,
    source && say("so_many", { number: number(rows.length - faulty) }),
    source && faulty > 0 && make("button", { type: "button", id: "see-faults", class: "link", onclick: table.seeFaults },
      say("faults", { number: number(faulty) })),
    months && say(months === 1 ? "horizon_one" : "horizon", { months }),
  ].filter(Boolean);
  $("source").replaceChildren(...parts.flatMap((part, index) => (index ? [" · ", part] : [part])));
  $("empty-columns").textContent = say("needs", { names: metadata.model.attributes.map((item) => item.name).join(", ") });
  $("foot").textContent = say("foot", { version: metadata.model.version });
  const unlike = unlikeText(rows);
  $("unlike-many").textContent = unlike;
  show($("unlike-many"), unlike !== "");
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
  if (metadata === null) return; // what is wrong has been reported
  notice(null);
  if (file.size > metadata.limits.bytes) {
    notice(say("upload_long", { most: number(metadata.limits.bytes / 1e6) }));
    return;
  }
  try {
    const text = decodedFile(await file.arrayBuffer());
    await takeUpload(text, file.name);
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

async function route() {
  $("decide").close(); // it is about the deal that is left
  if (metadata === null) return;
  const [, view, key] = /^#\/(deal|try|team|model|watch|quiz)?(?:\/(.*))?$/.exec(location.hash || "#/") ?? [];
  const row = view === "deal" ? rows.find((item) => item.key === decoded(key)) : null;
  notice(null);
  if (reports.PAGES.includes(view)) {
    openView(view, `#/${view}`);
    reports.openPage(view, metadata, decoded(key));
    return;
  }
  reports.close();
  quiz.close();
  if (view === "quiz") {
    openView("quiz", "#/team");
    await quiz.open(metadata);
    return;
  }
  if (view === "try" || row?.assessment) {
    await openDeal(row);
    return;
  }
  openView("pipeline", "#/");
  table.update();
  if (!isFresh) lookAgain();
  if (view === "deal") notice(row ? `${row.key}: ${row.error}` : say("no_such", { key: decoded(key) }));
  else focusRow();
}

async function openDeal(row) {
  const asked = location.hash;
  try {
    const whole = row === null ? null : await wholeRow(row, metadata);
    if (asked !== location.hash) return; // somebody went on meanwhile
    left = row?.key ?? null;
    openView("deal", row === null ? "#/try" : "#/");
    deal.open(whole, metadata);
    entitle();
    $("deal-title").focus({ preventScroll: true });
    scrollTo(0, 0);
  } catch (error) {
    openView("pipeline", "#/");
    complain(error, route);
  }
}

function decoded(key) {
  try {
    return decodeURIComponent(key ?? "");
  } catch {
    return key; // somebody typed a lone %
  }
}

function openView(name, current) {
  if (name !== "pipeline") {
    isFresh = false;
    turn += 1;
  }
  guide(name);
  for (const view of ["pipeline", "deal", "quiz", ...reports.PAGES]) show($(view), view === name);
  entitle();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** The name of the view in the browser's tab and history. */
function entitle() {
  const heading = document.querySelector("main > section:not([hidden]) h1");
  document.title = [heading?.textContent, say("title"), "fitmodel"].filter(Boolean).join(" · ");
}

/** The rows, decisions and model of now; a list that cannot be had says so, and stays as it was. */
async function lookAgain() {
  if (!source || source.uploaded) return;
  turn += 1;
  const [mine, asked, spoken] = [turn, source, language()];
  const isLate = () => mine !== turn || asked !== source || spoken !== language();
  try {
    const version = await api.versionInUse();
    if (isLate()) return;
    if (version !== metadata.model.version) {
      await modelChanged();
      return;
    }
    const { rows: found, problem } = await servedRows(metadata);
    if (isLate()) return;
    if (isAway) notice(null);
    [rows, isFresh, isAway] = [found, true, false];
    tellDecisions(problem);
    table.learn(rows);
  } catch (error) {
    if (isLate()) return;
    isAway = true;
    complain(error, route);
  }
}

function lookIfSeen() {
  if (metadata !== null && !document.hidden && !$("pipeline").hidden) lookAgain();
}

/** The guide: whole on the first page, one step of it on the others. */
function guide(view = document.querySelector("main > section:not([hidden])")?.id) {
  const steps = [...$("tour").querySelectorAll("li")];
  const here = steps.findIndex((step) => step.dataset.step === STEPS[view]);
  const next = steps[here + 1];
  $("tour").classList.toggle("whole", view === "pipeline");
  for (const step of steps) step.classList.toggle("here", step === steps[here]);
  show($("tour-next"), next !== undefined);
  if (next === undefined) return;
  const link = next.querySelector("a");
  $("tour-next").href = link.getAttribute("href");
  $("tour-next").textContent = say("tour_next", { page: link.textContent });
}

/** Back from a deal, the keyboard stands on its row again. */
function focusRow() {
  if (left !== null) table.focusRow(left);
  left = null;
}

// -- what the header does ---------------------------------------------------------------------

function listen() {
  addEventListener("hashchange", route);
  document.addEventListener("visibilitychange", lookIfSeen);
  setInterval(lookIfSeen, LOOK_AGAIN);
  $("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address names the view
    $("main").focus();
  });
  $("language").addEventListener("change", async () => {
    notice(null);
    try {
      await speak($("language").value);
    } catch (error) {
      complain(error);
      return;
    }
    if (metadata === null) return;
    describe();
    guide();
    await translateRows();
    deal.translateForm();
    entitle();
    reports.translate();
    if (!$("quiz").hidden) quiz.translate();
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

/** What the service says of its rows, in another language; the filters stay. */
async function translateRows() {
  if (source === null || source.uploaded) {
    table.translate();
    return;
  }
  try {
    const { rows: served, problem } = await servedRows(metadata);
    rows = served;
    tellDecisions(problem);
    table.translate(rows);
  } catch (error) {
    table.translate();
    complain(error);
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function drawTheme() {
  $("theme").setAttribute("aria-checked", String(isDark()));
}

start();
