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
let drawn = new Map(); // place -> element, without gaps
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
export function focus(place) {
  if (place < 0 || place >= items.length) return;
  if (!drawn.has(place)) {
    scrollTo(0, scrollY + body.getBoundingClientRect().top + sum(0, place) - innerHeight / 2);
    update();
  }
  drawn.get(place)?.querySelector("a").focus();
}

/** Draw what is near the screen now, and drop the rest. */
export function update() {
  if (!body.checkVisibility()) return;
  const [start, end] = printing ? [0, Math.min(items.length, PRINTED)] : wanted();
  if (drawn.size === end - start && (start === end || drawn.has(start))) return;
  for (const [place, node] of drawn) {
    if (place >= start && place < end) continue;
    node.remove();
    drawn.delete(place);
  }
  let next = drawn.size > 0 ? drawn.get(Math.min(...drawn.keys())) : below.parentNode && below;
  for (let place = start; place < end; place += 1) {
    const there = drawn.get(place);
    if (there) next = there.nextSibling;
    else drawn.set(place, body.insertBefore(draw(items[place], place), next || null));
  }
  drawn = new Map([...drawn].sort(([a], [b]) => a - b));
  measure();
  space(above, sum(0, start), "prepend");
  space(below, sum(end, items.length), "append");
}

/** First and last place that should be drawn. */
function wanted() {
  if (items.length <= WHOLE) return [0, items.length];
  const top = -body.getBoundingClientRect().top;
  const first = Math.max(0, placeAt(top) - AROUND);
  const last = Math.min(items.length, placeAt(top + innerHeight) + AROUND);
  return [first - (first % STEP), Math.min(items.length, last + STEP - (last % STEP || STEP))];
}

function placeAt(offset) {
  let [place, reached] = [0, 0];
  while (place < items.length && reached < offset) {
    reached += heights[place] ?? usual;
    place += 1;
  }
  return place;
}

function sum(start, end) {
  let total = 0;
  for (let place = start; place < end; place += 1) total += heights[place] ?? usual;
  return total;
}

function measure() {
  const first = drawn.values().next().value;
  const gap = first ? Number.parseFloat(getComputedStyle(first).marginBottom) || 0 : 0; // between cards of a phone
  let total = 0;
  for (const [place, node] of drawn) {
    heights[place] ??= node.getBoundingClientRect().height + gap;
    total += heights[place];
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
