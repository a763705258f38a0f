// The form: one field for each attribute of the model, of its kind.
import { $, make } from "./dom.js";
import { sentColumns } from "./prospects.js";
import { day, label, language, number, say, unit } from "./text.js";

/** Draw the fields and fill them; what a rep can still change stands first. */
export function drawForm(metadata, prospect) {
  const known = new Map(metadata.model.attributes.map((item) => [item.name, item]));
  const items = sentColumns(metadata).map((name) => known.get(name) ?? roleOnly(name, metadata));
  const shown = items.filter((item) => item !== null);
  const isOpen = (item) => metadata.actionable.includes(item.name);
  const isRecorded = (item) => !isOpen(item) && metadata.recorded[language()]?.[item.name] !== undefined;
  const rest = shown.filter((item) => !isOpen(item) && !isRecorded(item));
  const groups = [["actionable", shown.filter(isOpen)], ["given", rest]].filter(([, fields]) => fields.length > 0);
  const recorded = shown.filter(isRecorded);
  $("fields").replaceChildren(...groups.map(([key, fields]) => drawGroup(key, fields, prospect)), ...drawRecorded(recorded, prospect));
}

/** The amount, and the closing date where dates are counted from it, may be no attributes. */
function roleOnly(name, metadata) {
  if (name === metadata.roles.amount) return { name, kind: "number" };
  const dates = metadata.model.attributes.some((item) => item.kind === "date");
  return dates ? { name, kind: "date" } : null;
}

/** What the CRM's history gives: much, and nobody can change it by hand, so it opens on demand. */
function drawRecorded(items, prospect) {
  if (items.length === 0) return [];
  const fields = items.map((item, index) => drawField(item, prospect[item.name], `recorded-${index}`));
  return [make("details", { class: "recorded" }, make("summary", {}, say("recorded_group", { number: items.length })), make("div", { class: "fields" }, ...fields))];
}

function drawGroup(key, items, prospect) {
  const fields = items.map((item, index) => drawField(item, prospect[item.name], `${key}-${index}`));
  return make("fieldset", {}, make("legend", {}, say(key)), make("div", { class: "fields" }, ...fields));
}

function drawField(item, value, id) {
  const control = controlOf(item, value, id);
  const text = unit(item.name);
  const caption = make("label", { for: id }, label(item.name), text ? make("span", { class: "soft" }, ` (${text})`) : null);
  return make("div", { class: "field", "data-field": item.name }, caption, control, make("p", { id: `${id}-hint`, class: "hint" }, hintOf(item, control.value)));
}

function controlOf(item, value, id) {
  const common = { id, name: item.name, "aria-describedby": `${id}-hint`, "data-kind": item.kind };
  const text = plain(value, item.kind);
  let control;
  if (item.levels) {
    const levels = text === "" || item.levels.includes(text) ? item.levels : [text, ...item.levels];
    const options = levels.map((level) => make("option", { value: level }, level));
    control = make("select", common, make("option", { value: "" }, say("unknown")), ...options);
  } else {
    const kinds = { number: { type: "number", step: "any", inputmode: "decimal" }, date: { type: "date" } };
    control = make("input", { ...common, ...(kinds[item.kind] ?? { type: "text" }) });
  }
  control.value = text;
  // a text that the control does not take is sent as it is until somebody changes it
  control.raw = control.value === text ? null : text;
  control.first = control.value;
  return control;
}

function plain(value, kind) {
  const text = value === null || value === undefined ? "" : String(value);
  return kind === "date" && /^\d{4}-\d\d-\d\d[ T]/.test(text) ? text.slice(0, 10) : text;
}

/** The range seen in past deals; of a date the day in words, since browsers differ in its order. */
function hintOf(item, value) {
  if (item.kind === "number" && "low" in item) {
    const digits = Math.abs(item.high) >= 1_000 ? 0 : 3;
    return say("seen", { low: number(item.low, digits), high: number(item.high, digits) });
  }
  if (item.kind !== "date") return "";
  return value === "" ? say("date_hint") : day(value);
}

const controls = () => [...$("fields").querySelectorAll("input, select")];

/** What the form says now; null where the browser cannot read a number that is being typed. */
export function readForm() {
  const prospect = {};
  for (const control of controls()) {
    if (control.validity.badInput) return null;
    const touched = control.value !== control.first;
    const text = !touched && control.raw !== null ? control.raw : control.value;
    const numeric = control.dataset.kind === "number" && text !== "" && Number.isFinite(Number(text));
    prospect[control.name] = text === "" ? null : numeric ? Number(text) : text;
  }
  return prospect;
}

/** Mark what was changed and what past deals do not hold; whether anything was changed. */
export function markFields(unfamiliar) {
  const odd = new Set(unfamiliar.flatMap((name) => [name, ...name.split(" & ")]));
  let changed = false;
  for (const control of controls()) {
    const field = control.closest(".field");
    const differs = control.value !== control.first;
    changed ||= differs;
    if (control.type === "date") $(`${control.id}-hint`).textContent = hintOf({ kind: "date" }, control.value);
    field.classList.toggle("changed", differs);
    field.classList.toggle("odd", odd.has(control.name));
    if (odd.has(control.name) && field.closest("details")) field.closest("details").open = true;
  }
  return changed;
}

/** Put every field back to what it was. */
export function resetForm() {
  for (const control of controls()) control.value = control.first;
}
