// What Team, Watch and the quiz share: waiting until something is computed, and what cannot be shown.
import { make } from "./dom.js";
import { say } from "./text.js";

const AGAIN = 1_500; // milliseconds until something that is being computed is asked for again

/** Ask until the service has it; the step it is at is shown meanwhile. Null where it is not wanted any more. */
export async function ready(ask, isWanted, body) {
  for (;;) {
    const result = await ask();
    if (!isWanted()) return null;
    if (result.state !== "computing") return result;
    body.replaceChildren(make("p", { class: "progress", role: "status" }, say("computing", { step: result.step || say("loading") })));
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    if (!isWanted()) return null;
  }
}

/** Why a page cannot be shown: what the service lacks for it, or what went wrong, to be tried again. */
export function missing(lacking, error, again) {
  const card = make("div", { class: "card empty" }, make("h2", {}, say(lacking ? `${lacking}_missing` : "report_fault")));
  if (lacking) card.append(make("p", {}, say(`${lacking}_how`)));
  else {
    card.append(make("p", { class: "soft small pre" }, error.message || say("no_answer")),
      make("p", { class: "actions" }, make("button", { type: "button", onclick: again }, say("retry"))));
  }
  return card;
}
