// CSV as people export it, in and out.
import { say, number } from "./text.js";

const SEPARATORS = [",", ";", "\t", "|"];
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const IN_GROUPS = /^[+-]?[1-9]\d{0,2}([.,]\d{3})+$/;
const DIGITS_AND_MARKS = /^[+-]?[\d.,]+$/;
const DECIMAL_COMMA = /^[+-]?(\d[\d.]*,\d+|\d{1,3}(\.\d{3}){2,})$/;
const LINE_END = /\r?\n|\r/;

export const isNumber = (text) => NUMBER.test(text);

/** A number's text as code writes it; null where only a whole column would tell which it is. */
export function plainNumber(text, decimalComma) {
  const both = text.includes(".") && text.includes(",") && DIGITS_AND_MARKS.test(text);
  const grouped = (decimalComma || text.includes(",")) && IN_GROUPS.test(text);
  if (both || grouped) return null;
  return decimalComma ? text.replace(",", ".") : text;
}

/** Columns, rows (arrays of text) and whether commas are decimal marks; throws an Error with a sentence. */
export function parse(text) {
  const source = text.replace(/^\uFEFF/, "");
  const separator = separatorOf(source);
  const [columns = [], ...rows] = records(source, separator).filter(
    (fields) => fields.length > 1 || fields[0].trim() !== "",
  );
  return { columns: columns.map((name) => name.trim()), rows, decimalComma: writesDecimalCommas(separator, rows) };
}

/** Where ";" separates, that is why; a tab or a bar says nothing, but a 12,5 does. */
function writesDecimalCommas(separator, rows) {
  if (separator === "," || separator === ";") return separator === ";";
  return rows.some((fields) => fields.some((field) => DECIMAL_COMMA.test(field)));
}

function separatorOf(source) {
  const line = source.split(LINE_END).find((text) => text.trim() !== "") ?? "";
  const first = line.replaceAll(/"[^"]*"/g, "");
  const counts = SEPARATORS.map((mark) => first.split(mark).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))];
}

function records(source, separator) {
  const rows = [];
  let row = [];
  let field = "";
  let quoted = false;
  let opened = 0;
  for (let index = 0; index < source.length; index += 1) {
    const mark = source[index];
    if (quoted) {
      if (mark !== '"') field += mark;
      else if (source[index + 1] === '"') {
        field += '"';
        index += 1;
      } else quoted = false;
    } else if (mark === '"' && field === "") {
      quoted = true;
      opened = index;
    } else if (mark === separator) {
      row.push(field);
      field = "";
    } else if (mark === "\n" || mark === "\r") {
      if (mark === "\r" && source[index + 1] === "\n") index += 1;
      rows.push([...row, field]);
      row = [];
      field = "";
    } else field += mark;
  }
  if (quoted) {
    const line = source.slice(0, opened).split(LINE_END).length;
    throw new Error(say("upload_quote", { line: number(line) }));
  }
  if (field !== "" || row.length > 0) rows.push([...row, field]);
  return rows;
}

/** CSV text of a table; a cell that a spreadsheet would run as a formula becomes plain text. */
export function write(columns, rows) {
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = FORMULA.test(text) && !isNumber(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Hand a text to the browser as a file. */
export function download(name, text, type = "text/csv") {
  // the mark lets spreadsheets read it as UTF-8
  const parts = type === "text/csv" ? ["\uFEFF", text] : [text];
  const address = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
