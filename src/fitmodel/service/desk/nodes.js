// Elements from the trees that the service sends: parts of the report, plots. Text stays text: only
// the tags and attributes listed here are made, and a link leads nowhere but into the page.
const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "g", "defs", "path", "use", "text", "tspan", "clipPath", "rect", "image"]);
const BLOCKS = new Set([
  "section", "div", "p", "h1", "h2", "h3", "h4", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
  "strong", "em", "code", "pre", "br", "hr", "blockquote", "figure", "figcaption", "span", "details", "summary",
]);
const ATTRIBUTES = new Set([
  "class", "id", "role", "aria-label", "aria-hidden", "data-label", "d", "x", "y", "width", "height", "viewBox", "transform",
  "clip-path", "href", "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity",
  "opacity", "text-anchor", "font-size", "dominant-baseline", "preserveAspectRatio",
]);

/** Nodes of a list of trees; a text is a text. */
export const build = (trees) => trees.map((tree) => (typeof tree === "string" ? document.createTextNode(tree) : element(tree))).filter(Boolean);

function element({ tag, attributes, children }) {
  const drawn = DRAWN.has(tag);
  if (!drawn && !BLOCKS.has(tag)) return null;
  const node = drawn ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (!ATTRIBUTES.has(name)) continue;
    if (name === "href" && !value.startsWith("#") && !value.startsWith("data:image/png;base64,")) continue;
    node.setAttribute(name, value);
  }
  node.append(...build(children));
  return node;
}
