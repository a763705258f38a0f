// The language of the page: texts from the catalogue, numbers and dates as its readers write them.
import { $ } from "./dom.js";

const LANGUAGES = ["en", "zh"];
let texts = { no_answer: "The service does not answer. · 服务没有响应。" }; // until there are others
let chosen = "en";
let asked = "en"; // the language that was asked for last
let words = {};
let recorded = {};

export const language = () => chosen;

/** The language asked for: in the address, then what was chosen before, then the browser's. */
export function wanted() {
  const asked = new URLSearchParams(location.search).get("language");
  const all = [asked, sessionStorage.getItem("fitmodel.language"), ...navigator.languages];
  return all.map((name) => (name ?? "").slice(0, 2)).find((name) => LANGUAGES.includes(name)) ?? "en";
}

/** Show the page in a language; one that cannot be had leaves the page as it is, with an Error. */
export async function speak(name) {
  asked = name;
  const answer = await fetch(`desk/texts/${name}`).catch(() => null);
  if (!answer?.ok) {
    if (name !== asked) return; // another one was chosen meanwhile
    $("language").value = chosen;
    throw new Error(say("no_answer"));
  }
  const result = await answer.json();
  if (name !== asked) return;
  [texts, chosen] = [result, name];
  sessionStorage.setItem("fitmodel.language", name);
  document.documentElement.lang = name === "zh" ? "zh-Hans" : name;
  $("language").value = name;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = say(node.dataset.t);
  for (const node of document.querySelectorAll("[data-label]")) {
    if (node.tagName !== "TD") node.setAttribute("aria-label", say(node.dataset.label));
  }
}

/** The text of a key with its {names} filled. */
export function say(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => apart(values[name] ?? whole));
}

// letters that run from right to left, and marks that turn the direction of what follows
const TURNING = /[\u0590-\u08FF\u200E\u200F\u202A-\u202E\u2066-\u2069\uFB1D-\uFDFF\uFE70-\uFEFC]/;

/** A name that does not turn the words and numbers after it. */
export const apart = (value) => (TURNING.test(value) ? `\u2068${value}\u2069` : value);

/** Labels, units and the money format of the company's contract; names of what history gives. */
export function learnWords(given, byHistory) {
  words = given ?? {};
  recorded = byHistory ?? {};
}

/** An attribute as a reader calls it; "a & b" is a pair of them. */
export function label(name) {
  return name.split(" & ").map(labelOfOne).join(" & ");
}

function labelOfOne(name) {
  const given = words.labels?.[name] ?? recorded[chosen]?.[name];
  if (given) return given;
  const text = name.replace(/[_.]/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const unit = (name) => (words.units?.[name] ?? "").trim();

const NEARLY = 0.005; // a share nearer to 0 or 1 would be rounded to it

/** Whole per cent, as in every other door; 0 and 100 only where they are exact. */
export function percent(share) {
  const below = share > 0 && share < NEARLY;
  const above = share < 1 && share > 1 - NEARLY;
  return say("percent", { number: below ? "<1" : above ? ">99" : number(100 * share, 0) });
}

/** A number with at most so many decimals, and at least `least`; half to even and no "-0", as in Python. */
export function number(value, digits = 3, least = 0) {
  const form = { minimumFractionDigits: least, maximumFractionDigits: digits, roundingMode: "halfEven", signDisplay: "negative" };
  return new Intl.NumberFormat(chosen, form).format(value);
}

/** An amount in the contract's money format: its decimals, and what stands around the number. */
export function money(value) {
  if (!Number.isFinite(value)) return "–";
  const format = words.money ?? "{}";
  const [before, after] = format.split(/\{[^}]*\}/);
  const digits = Number(/\.(\d+)f\}/.exec(format)?.[1] ?? 0);
  const written = number(Math.abs(value), digits, digits);
  return `${value < 0 && /[1-9]/.test(written) ? "−" : ""}${before ?? ""}${written}${after ?? ""}`;
}

/** A moment as its readers write it, in their own time. */
export const moment = (text) =>
  new Intl.DateTimeFormat(chosen === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

/** A day such as 2026-04-02 as its readers write it, with the month in words. */
export const day = (text) =>
  new Intl.DateTimeFormat(chosen === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${text}T00:00Z`));
