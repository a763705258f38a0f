// Reasons as bars: to the left what speaks for the deal, to the right what speaks against it.
import { make } from "./dom.js";
import { label, number, say, unit } from "./text.js";

/** One line per reason, the largest first; a bar's length is its contribution in log-odds. */
export function drawReasons(list, reasons) {
  const most = Math.max(...reasons.map((reason) => Math.abs(reason.contribution)), 0.25);
  list.replaceChildren(...reasons.map((reason) => drawReason(reason, most)));
  if (reasons.length === 0) list.append(make("li", { class: "soft" }, say("no_reasons")));
}

function drawReason(reason, most) {
  const against = reason.contribution > 0;
  const side = against ? "against" : "for";
  const length = make("span", { class: "length" });
  length.style.width = `${(50 * Math.abs(reason.contribution)) / most}%`;
  const times = say("odds", { times: number(Math.exp(reason.contribution), 2) });
  return make("li", { class: side, "data-attribute": reason.attribute, "data-contribution": reason.contribution },
    make("span", { class: "unseen" }, `${say(`side_${side}`)}: `),
    make("span", { class: "name" }, make("strong", {}, label(reason.attribute)), ` ${valueText(reason)}`),
    make("span", { class: "times" }, times),
    make("span", { class: "bars", "aria-hidden": "true" }, length),
    make("span", { class: "sentence" }, reason.sentence));
}

/** The value of a reason's attribute, with its unit; a pair has two. */
export function valueText(reason) {
  const names = reason.attribute.split(" & ");
  const values = Array.isArray(reason.value) ? reason.value : [reason.value];
  return values.map((value, place) => valueOf(value, unit(names[place]))).join(" & ");
}

/** A value as a reader writes it. */
function valueOf(value, unitOf) {
  if (value === null) return say("unknown");
  const text = typeof value === "number" ? number(value) : String(value);
  return unitOf ? `${text} ${unitOf}` : text;
}
