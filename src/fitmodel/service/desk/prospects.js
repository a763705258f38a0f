// Prospects with their assessment and the money at risk: as the service has them, or of an upload.
import { isNumber, parse, plainNumber } from "./csv.js";
import { label, say, number } from "./text.js";
import * as api from "./api.js";

const REASONS_IN_TABLE = 3;
const SHOWN_NAMES = 6;
const FEW = 5; // prospects; so few say nothing about a whole table
const MANY = 0.2; // share of prospects unlike past deals; a few percent are usual

/** Rows of the service's own pipeline, which it has scored, and why they say no decisions. */
export async function servedRows(metadata, answer = api.pipelineRows()) {
  const { rows, decisions_problem: problem } = await answer;
  return { rows: rows.map((row) => servedRow(row, metadata)), problem };
}

function servedRow(row, metadata) {
  const { key, rep, amount, error, money_at_risk: risk, concern, decision } = row;
  const whole = row.cells ? { given: row.cells, prospect: sent(row.prospect, metadata), sentences: row.sentences } : {};
  return { key, rep, amount, risk, concern, decision, isServed: true, ...(error ? { error } : { assessment: row }), ...whole };
}

function sent(prospect, metadata) {
  return Object.fromEntries(sentColumns(metadata).filter((name) => name in prospect).map((name) => [name, prospect[name]]));
}

/** A row with its cells and what is scored of it; those of an upload have them already. */
export async function wholeRow(row, metadata) {
  return row.isServed && !row.given ? servedRow(await api.pipelineRow(row.key), metadata) : row;
}

/** The same of many rows, in their order. */
export async function wholeRows(some, metadata) {
  if (!some.some((row) => row.isServed)) return some;
  const { rows } = await api.pipelineRows({ full: true });
  const known = new Map(rows.map((row) => [row.key, row]));
  return some.filter((row) => known.has(row.key)).map((row) => servedRow(known.get(row.key), metadata));
}

/** Columns that are sent: the attributes, and what money and dates are counted from. Never the id. */
export function sentColumns(metadata) {
  const { amount, closed_on: closing } = metadata.roles;
  const names = metadata.model.attributes.map((item) => item.name);
  return [...new Set([...names, amount, closing].filter(Boolean))];
}

/** Rows of a CSV text; throws an Error with a sentence where it is not a pipeline. */
export function readProspects(text, metadata) {
  const { columns, rows, decimalComma } = parse(text);
  const lacking = metadata.model.attributes.map((item) => item.name).filter((n) => !columns.includes(n));
  if (rows.length === 0) throw new Error(say("upload_empty"));
  if (lacking.length > 0) {
    const names = lacking.slice(0, SHOWN_NAMES).join(", ") + (lacking.length > SHOWN_NAMES ? ", …" : "");
    throw new Error(say("upload_lacks", { number: lacking.length, names }));
  }
  if (rows.length > metadata.limits.prospects) {
    throw new Error(say("upload_many", { rows: number(rows.length), most: number(metadata.limits.prospects) }));
  }
  const taken = new Map();
  return rows.map((fields, index) => readRow(fields, index, columns, decimalComma, metadata, taken));
}

function readRow(fields, index, columns, decimalComma, metadata, taken) {
  const given = Object.fromEntries(columns.map((name, at) => [name, (fields[at] ?? "").trim()]));
  const { id, rep, amount } = metadata.roles;
  const { prospect, unclear } = prospectOf(given, metadata, decimalComma);
  const row = {
    key: unique(given[id] || say("row", { number: index + 1 }), taken),
    rep: given[rep] ?? "",
    amount: Number.isFinite(prospect[amount]) ? prospect[amount] : null,
    given,
    prospect,
  };
  if (unclear) row.error = say("ambiguous", { column: unclear, value: given[unclear] });
  if (fields.length !== columns.length) {
    row.error = say("ragged", { fields: fields.length, columns: columns.length });
  }
  return row;
}

/** Two rows of one id both keep a link of their own. */
function unique(key, taken) {
  const times = (taken.get(key) ?? 0) + 1;
  taken.set(key, times);
  return times === 1 ? key : `${key} (${times})`;
}

/** What is sent of a row, and a number of it that could be two. */
function prospectOf(given, metadata, decimalComma) {
  const kinds = new Map(metadata.model.attributes.map((item) => [item.name, item.kind]));
  const prospect = {};
  let unclear = null;
  for (const name of sentColumns(metadata)) {
    if (!(name in given)) continue;
    const numeric = kinds.get(name) === "number" || name === metadata.roles.amount;
    const text = numeric ? plainNumber(given[name], decimalComma) : given[name];
    if (text === null) unclear ??= name;
    // a text that is not a number is sent as it is, for the service to say so
    prospect[name] = text === "" || text === null ? null : numeric && isNumber(text) ? Number(text) : text;
  }
  return { prospect, unclear };
}

/** Assess every row that has the table's shape; the others keep their error. */
export async function assessRows(rows, metadata, onProgress) {
  const sound = rows.filter((row) => !row.error);
  const answers = await api.assessAll(sound.map((row) => row.prospect), REASONS_IN_TABLE, onProgress);
  sound.forEach((row, index) => {
    const answer = answers[index];
    if (answer.error) row.error = answer.error;
    else {
      row.assessment = answer;
      row.concern = answer.reasons.find((reason) => reason.contribution > 0) ?? null;
      row.sentences = answer.reasons.map((reason) => reason.sentence);
      row.risk = moneyAtRisk(answer.early_churn_probability, row.amount, metadata);
    }
  });
  return rows;
}

/** What money at risk means for this model: "value", "amount" or nothing. */
export function riskBasis(metadata) {
  if (metadata.roles.amount === null) return null;
  return metadata.cost_of_early_churn === null ? "amount" : "value";
}

/** Probability of early churn times what it costs; null where the amount is not known. */
export function moneyAtRisk(probability, amount, metadata) {
  const basis = riskBasis(metadata);
  if (basis === null || amount === null || !Number.isFinite(amount)) return null;
  if (basis === "amount") return probability * amount;
  const { probability: knots, fixed, per_amount: each } = metadata.cost_of_early_churn;
  const at = Math.max(1, knots.findIndex((knot) => knot >= probability)); // of the knot above
  const share = (probability - knots[at - 1]) / (knots[at] - knots[at - 1]);
  const between = (values) => values[at - 1] + share * (values[at] - values[at - 1]);
  return Math.max(0, probability * (between(fixed) + between(each) * amount));
}

/** What is said where many prospects are unlike past deals, and in which columns; else "". */
export function unlikeText(rows) {
  const scored = rows.filter((row) => row.assessment).map((row) => row.assessment);
  const unlike = scored.filter((assessment) => assessment.unfamiliar);
  if (scored.length < FEW || unlike.length < MANY * scored.length) return "";
  const times = new Map();
  for (const name of unlike.flatMap((assessment) => assessment.unfamiliar_because ?? [])) {
    times.set(name, (times.get(name) ?? 0) + 1);
  }
  const often = [...times].filter(([, count]) => count >= MANY * scored.length).sort((a, b) => b[1] - a[1]);
  const counts = { number: number(unlike.length), all: number(scored.length) };
  if (often.length === 0) return say("unlike_many", counts);
  const names = often.slice(0, SHOWN_NAMES).map(([name, count]) => `${name.split(" & ").map(label).join(" & ")} (${number(count)})`);
  return say("unlike_many_in", { ...counts, names: names.join(say("list_mark")) });
}
