// Elements and texts. Whatever a person or a file wrote goes through textContent: text never
// becomes markup (the page's Content-Security-Policy refuses innerHTML too).

export const $ = (id) => document.getElementById(id);

/** Make an element: attributes as given; "on" + event adds a listener; children are nodes or text. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function show(node, visible = true) {
  node.hidden = !visible;
}

/** Say something that needs attention; with `again` there is a button that tries it once more. */
export function notice(text, again = null, { good = false } = {}) {
  $("notice").classList.toggle("good", good);
  $("notice-text").textContent = text ?? "";
  show($("notice"), Boolean(text));
  $("retry").onclick = again;
  show($("retry"), Boolean(again));
}

export function progress(text) {
  $("progress").textContent = text ?? "";
  show($("progress"), Boolean(text));
}

/** Call `action` when nothing more has come for some milliseconds. */
export function debounced(action, milliseconds) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}
