// Reasons as bars: to the left what speaks for the deal, to the right what speaks against it.
import { make } from "./dom.js";
import { say } from "./text.js";

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
  return make("li", { class: side, "data-attribute": reason.attribute, "data-contribution": reason.contribution },
    make("span", { class: "unseen" }, `${say(`side_${side}`)}: `),
    make("span", { class: "name" }, make("strong", {}, reason.label), ` ${reason.value_text}`),
    make("span", { class: "times" }, reason.effect),
    make("span", { class: "bars", "aria-hidden": "true" }, length),
    make("span", { class: "sentence" }, reason.sentence));
}
