// The timeline of a deal: what the CRM recorded of it, the latest first.
import * as api from "./api.js";
import { $, make, show } from "./dom.js";
import { moment, number, say } from "./text.js";

const FIRST = 8; // records that are shown before somebody asks for all

let turn = 0;

/** Ask for the timeline of a row of the service's pipeline; others have none. */
export async function open(row, metadata) {
  turn += 1;
  const mine = turn;
  show($("timeline"), false);
  if (row === null || !row.isServed || !metadata.has.history) return;
  try {
    const result = await api.timeline(row.key);
    if (mine !== turn) return;
    $("timeline-body").replaceChildren(...drawn(result));
  } catch (error) {
    if (mine !== turn) return;
    if (error.status === undefined) throw error;
    $("timeline-body").replaceChildren(make("p", { class: "soft small pre" }, error.message || say("no_answer")));
  }
  show($("timeline"));
}

function drawn({ as_of: known, fields, derived, records }) {
  const latest = [...records].reverse();
  const list = make("ol", { class: "events" }, ...latest.slice(0, FIRST).map(record));
  const rest = latest.slice(FIRST);
  const more = rest.length === 0 ? null
    : make("button", { type: "button", class: "quiet", onclick: (event) => {
        list.append(...rest.map(record));
        event.target.remove();
      } }, say("timeline_all", { number: number(latest.length) }));
  const values = [
    ...fields.map(({ label, value, source, recorded_at: at }) => [label, value ?? say("unknown"), at ? `${source}, ${moment(at)}` : source]),
    ...derived.map(({ label, value }) => [label, value === null ? say("unknown") : typeof value === "number" ? number(value) : value, ""]),
  ];
  const entries = values.map(([label, value, note]) => make("div", {}, make("dt", {}, label),
    make("dd", {}, value, note ? make("span", { class: "soft small" }, ` ${note}`) : null)));
  return [make("p", { class: "soft small" }, say("timeline_note", { when: moment(known) })),
    latest.length === 0 ? make("p", { class: "soft" }, say("timeline_none")) : list, more,
    make("details", {}, make("summary", {}, say("timeline_values")), make("dl", { class: "values narrow" }, ...entries))].filter(Boolean);
}

const record = ({ at, what, table, known }) =>
  make("li", { class: known ? null : "later" }, make("strong", {}, moment(at)), ` ${what} `, make("span", { class: "soft" }, `· ${table}`));
