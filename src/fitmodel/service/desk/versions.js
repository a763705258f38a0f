// Champion and challenger side by side on the page Model, and the promotion of the challenger.
import * as api from "./api.js";
import { make } from "./dom.js";
import { knownName, keepName } from "./people.js";
import { say } from "./text.js";

/** The section, drawn when the registry has answered; `again` draws the page anew. */
export function versionsPart(metadata, again) {
  const inside = make("div", {}, make("p", { class: "progress", role: "status" }, say("model_versions_wait")));
  fill(inside, metadata, again);
  return make("section", { class: "part card", id: "versions" }, make("h2", {}, say("model_versions")), inside);
}

async function fill(inside, metadata, again) {
  try {
    const result = await api.modelVersions();
    inside.replaceChildren(...(result.problem === null ? drawn(result, metadata, again) : missing(result.problem)));
  } catch (error) {
    if (error.status === undefined) throw error;
    inside.replaceChildren(...missing(error.message || say("no_answer")));
  }
}

const missing = (why) => [make("p", {}, say("model_versions_missing")), make("p", { class: "soft small pre" }, why)];

function drawn(result, metadata, again) {
  const sides = result.challenger === null ? ["champion"] : ["champion", "challenger"];
  const parts = [sideTable(result.rows, sides)];
  if (result.challenger === null) return [...parts, make("p", { class: "note" }, say("no_challenger"))];
  const compared = result.comparison?.sentence ?? say("side_not_compared");
  return [...parts, make("p", { class: "note" }, say("side_note")),
    make("p", { id: "compared" }, make("strong", {}, compared)), ...promotion(result, metadata, again)];
}

function sideTable(rows, sides) {
  const head = sides.map((side) => make("th", { role: "columnheader", scope: "col" }, say(side)));
  const lines = rows.map((row) => make("tr", { role: "row" }, make("th", { role: "rowheader", scope: "row" }, row.label),
    ...sides.map((side) => make("td", { role: "cell", "data-label": say(side) }, row[side] ?? "–"))));
  return make("div", { class: "scroll" }, make("table", { role: "table", class: "sides-table" },
    make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, make("td", {}), ...head)),
    make("tbody", { role: "rowgroup" }, ...lines)));
}

/** What speaks for and against, and the form; a rep sees it without the form. */
function promotion(result, metadata, again) {
  const evidence = result.refusal === null
    ? [make("p", { class: "supported" }, say("promote_supported"))]
    : [make("p", {}, say("promote_refused")), make("p", { class: "caution" }, result.refusal_words ?? result.refusal)];
  if (metadata.me.role === "rep") return [...evidence, make("p", { class: "soft" }, say("promote_managers"))];
  const name = make("input", { id: "promote-name", required: true, maxlength: 200, autocomplete: "name" });
  name.value = knownName(metadata);
  name.readOnly = Boolean(metadata.me.name);
  const reason = make("input", { id: "promote-reason", required: true, maxlength: 2000 });
  const force = make("input", { id: "promote-force", type: "checkbox", required: true });
  const fault = make("p", { class: "fault", role: "alert" });
  const form = make("form", { id: "promote", class: "inline-form", autocomplete: "off" },
    make("label", {}, make("span", {}, say("your_name")), name),
    make("label", {}, make("span", {}, say("why_so")), reason),
    result.refusal === null ? null : make("label", { class: "check" }, force, make("span", {}, say("promote_force"))),
    make("p", { class: "actions" }, make("button", { type: "submit", class: "primary" }, say("promote"))), fault);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    keepName(metadata, name.value.trim());
    const wanted = { version: result.challenger, reason: reason.value.trim(), by: name.value.trim(), force: result.refusal !== null && force.checked };
    try {
      again(await api.promote(wanted));
    } catch (error) {
      if (error.status === undefined) throw error;
      fault.textContent = error.message || say("no_answer");
    }
  });
  return [...evidence, form];
}
