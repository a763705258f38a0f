// The rows of a long table: only those near the screen are elements, two spacers stand for the rest.
import { make } from "./dom.js";

const AROUND = 24; // rows that are drawn above and below the screen
const STEP = 8; // the window moves by so many rows at a time
const WHOLE = 150; // so many rows are drawn whole: the browser's own search finds them
const PRINTED = 1_000;
const USUAL = 46; // pixels of a row that was not measured yet

let body = null;
let draw = null; // makes the element of a row
let items = [];
let heights = []; // measured; undefined where a row was not drawn yet
let usual = USUAL;
let drawn = new Map(); // index -> element, without gaps
let printing = false;
const above = make("tr", { class: "spacer", "aria-hidden": "true" }, make("td"));
const below = above.cloneNode(true);

export function begin(parent, drawRow) {
  [body, draw] = [parent, drawRow];
  let asked = false;
  const later = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      update();
    });
  };
  addEventListener("scroll", later, { passive: true });
  addEventListener("resize", () => {
    heights = [];
    later();
  });
  addEventListener("beforeprint", () => {
    printing = true;
    update();
  });
  addEventListener("afterprint", () => {
    printing = false;
    update();
  });
}

/** Show these, from the first. */
export function show(newItems) {
  [items, heights, drawn] = [newItems, [], new Map()];
  body.replaceChildren();
  update();
}

/** Bring one into sight and put the keyboard on it. */
export function focus(index) {
  if (index < 0 || index >= items.length) return;
  if (!drawn.has(index)) {
    scrollTo(0, scrollY + body.getBoundingClientRect().top + sum(0, index) - innerHeight / 2);
    update();
  }
  drawn.get(index)?.querySelector("a").focus();
}

/** Draw what is near the screen now, and drop the rest. */
export function update() {
  if (!body.checkVisibility()) return;
  const [start, end] = printing ? [0, Math.min(items.length, PRINTED)] : wanted();
  if (drawn.size === end - start && (start === end || drawn.has(start))) return;
  for (const [index, node] of drawn) {
    if (index >= start && index < end) continue;
    node.remove();
    drawn.delete(index);
  }
  let next = drawn.size > 0 ? drawn.get(Math.min(...drawn.keys())) : below.parentNode && below;
  for (let index = start; index < end; index += 1) {
    const there = drawn.get(index);
    if (there) next = there.nextSibling;
    else drawn.set(index, body.insertBefore(draw(items[index], index), next || null));
  }
  drawn = new Map([...drawn].sort(([a], [b]) => a - b));
  measure();
  space(above, sum(0, start), "prepend");
  space(below, sum(end, items.length), "append");
}

/** First and last index that should be drawn. */
function wanted() {
  if (items.length <= WHOLE) return [0, items.length];
  const top = -body.getBoundingClientRect().top;
  const first = Math.max(0, indexAt(top) - AROUND);
  const last = Math.min(items.length, indexAt(top + innerHeight) + AROUND);
  return [first - (first % STEP), Math.min(items.length, last + STEP - (last % STEP || STEP))];
}

function indexAt(offset) {
  let [index, reached] = [0, 0];
  while (index < items.length && reached < offset) {
    reached += heights[index] ?? usual;
    index += 1;
  }
  return index;
}

function sum(start, end) {
  let total = 0;
  for (let index = start; index < end; index += 1) total += heights[index] ?? usual;
  return total;
}

function measure() {
  const first = drawn.values().next().value;
  const gap = first ? Number.parseFloat(getComputedStyle(first).marginBottom) || 0 : 0; // between cards of a phone
  let total = 0;
  for (const [index, node] of drawn) {
    heights[index] ??= node.getBoundingClientRect().height + gap;
    total += heights[index];
  }
  if (drawn.size > 0) usual = total / drawn.size;
}

function space(spacer, height, where) {
  if (height < 1) {
    spacer.remove();
    return;
  }
  spacer.firstChild.colSpan = body.parentNode.tHead.rows[0].cells.length;
  spacer.firstChild.style.height = `${height}px`;
  if (!spacer.parentNode) body[where](spacer);
}
