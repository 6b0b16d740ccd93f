// Elements: text from a capture becomes a text node, and never markup.

function fill(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false)
      node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

function make(namespace, tag, attributes, children) {
  const node = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "vars") for (const [key, one] of Object.entries(value)) node.style.setProperty(key, one);
    else if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  return fill(node, children);
}

const h = (tag, attributes, ...children) => make("http://www.w3.org/1999/xhtml", tag, attributes, children);
const s = (tag, attributes, ...children) => make("http://www.w3.org/2000/svg", tag, attributes, children);
const said = (text, kind = "") => h("span", { class: `text ${kind}` }, visible(text));
const chip = (text, kind) => h("span", { class: `chip ${kind}` }, text);

function table(head, rows, attributes = {}) {
  const cells = (row, tag) =>
    row.map((one) =>
      h(tag, typeof one === "object" || tag === "th" ? {} : { class: /^[-\d]/.test(one) ? "number" : "" }, one),
    );
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      attributes,
      head && h("thead", {}, h("tr", {}, cells(head, "th"))),
      h(
        "tbody",
        {},
        rows.map((row) => h("tr", { class: row.kind || null }, cells(row, "td"))),
      ),
    ),
  );
}

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function asCsv(rows) {
  const cell = (one) => {
    const exact = typeof one === "number" ? +one.toFixed(9) : one; // times to the ns, without the noise behind it
    const text = exact === null || exact === undefined ? "" : String(exact);
    // A spreadsheet takes text that begins so for a formula.
    const safe = typeof one === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}
