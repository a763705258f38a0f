// The language of the page: texts from the catalogue, numbers and dates as its readers write them.
import { $ } from "./dom.js";

const LANGUAGES = ["en", "zh"];
let texts = {};
let chosen = "en";
let words = {};
let recorded = {};

export const language = () => chosen;

/** The language asked for: in the address, then what was chosen before, then the browser's. */
export function wanted() {
  const asked = new URLSearchParams(location.search).get("language");
  const all = [asked, sessionStorage.getItem("fitmodel.language"), ...navigator.languages];
  return all.map((name) => (name ?? "").slice(0, 2)).find((name) => LANGUAGES.includes(name)) ?? "en";
}

export async function speak(name) {
  const answer = await fetch(`desk/texts/${name}`);
  texts = await answer.json();
  chosen = name;
  sessionStorage.setItem("fitmodel.language", name);
  document.documentElement.lang = name === "zh" ? "zh-Hans" : name;
  document.title = `fitmodel · ${say("title")}`;
  $("language").value = name;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = say(node.dataset.t);
  for (const node of document.querySelectorAll("[data-label]")) {
    if (node.tagName !== "TD") node.setAttribute("aria-label", say(node.dataset.label));
  }
}

/** The text of a key with its {names} filled. */
export function say(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

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
  return say("percent", { number: below ? "<1" : above ? ">99" : (100 * share).toFixed(0) });
}

export function number(value, digits = 3) {
  const rounded = Number(value.toFixed(digits)) + 0; // no "-0"
  return new Intl.NumberFormat(chosen, { maximumFractionDigits: digits }).format(rounded);
}

/** Whole currency units, with what stands around the number in the contract's money format. */
export function money(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const [before, after] = (words.money ?? "{}").split(/\{[^}]*\}/);
  const rounded = Math.round(value) + 0; // no "-0"
  const text = `${before ?? ""}${number(Math.abs(rounded), 0)}${after ?? ""}`;
  return rounded < 0 ? `−${text}` : text;
}

/** A moment as its readers write it, in their own time. */
export const moment = (text) =>
  new Intl.DateTimeFormat(chosen === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

/** A day such as 2026-04-02 as its readers write it, with the month in words. */
export const day = (text) =>
  new Intl.DateTimeFormat(chosen === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeZone: "UTC" }).format(new Date(`${text}T00:00Z`));
