// The table of records.

const ROW = 24,
  DETAIL = 240;
const COLUMNS = [
  ["number", "4.6rem", (r, at) => r.numbers[at], (r, at) => r.numbers[at], "number"],
  ["time", "6.6rem", (r, at) => r.time(at), (r, at) => (r.t[at] === null ? "" : (r.t[at] / 1e6).toFixed(6)), "number"],
  ["frame", "4.6rem", (r, at) => r.f[at], (r, at) => r.f[at] ?? "", "number"],
  ["direction", "4.8rem", (r, at) => r.d[at], (r, at) => DIRECTIONS[r.d[at]]],
  ["layer", "4.2rem", (r, at) => r.layers[r.l[at]] || "", (r, at) => r.layers[r.l[at]] || ""],
  [
    "record",
    "minmax(11rem, 1.2fr)",
    (r, at) => r.names[r.n[at]],
    (r, at) => visible(r.names[r.n[at]]) + (r.c[at] ? "" : " (not whole)"),
  ],
  ["offset", "7.5rem", (r, at) => r.o[at], (r, at) => count(r.o[at]), "number"],
  ["length", "6.5rem", (r, at) => r.s[at], (r, at) => count(r.s[at]), "number"],
  ["fields", "minmax(8rem, 2fr)", null, (r, at) => summary(r.x[at], r.p[at])],
];
const DIRECTIONS = ["forward", "reverse"];

/** `runs`: those of its pfns, as the column `p` has them. */
function summary(fields, runs) {
  const parts = [];
  const length = Array.isArray(runs) ? runs.length / 2 : runs;
  const first = Array.isArray(runs) ? runs[0] : fields?.pages?.[0]?.[0];
  if (length)
    parts.push((length > 1 ? many(length, "run") : "pfn") + (first === undefined ? "" : ` from 0x${first.toString(16)}`));
  for (const [name, value] of Object.entries(fields || {})) {
    if (typeof value !== "object") parts.push(`${name} ${value}`);
  }
  return visible(parts.join(", ").slice(0, 160));
}

/** Whether any of some runs has a pfn from `low` to `high`. */
function lists(runs, low, high) {
  let end = 0;
  for (let at = 0; at < runs.length; at += 2) {
    const first = end + runs[at];
    end = first + runs[at + 1];
    if (first <= high && end > low) return true;
  }
  return false;
}

/** Consecutive pfns of one type, as a record's fields have them. */
function runText(run) {
  if (!Array.isArray(run)) return run; // how many more there are
  const [first, length, type] = run.map((one) => (typeof one === "string" && /^\d+$/.test(one) ? BigInt(one) : one));
  const last = length > 1 ? ` to ${hex(BigInt(first) + BigInt(length) - 1n)}` : "";
  return `${hex(first)}${last}${type ? `, ${type}` : ""}`;
}

/** Records of one input: draws the rows that are in sight, and one row's fields below it. */
class Records {
  constructor(input, several) {
    const r = (this.records = input.records);
    r.time = (at) => (r.t[at] === null ? -1 : r.t[at]);
    let number = 0;
    r.numbers = r.i.map((step) => (number += step));
    this.unlisted = r.p.filter(Number.isInteger).length;
    this.input = input;
    this.columns = several
      ? [["migration", "4.8rem", (each, at) => each.m[at], (each, at) => each.m[at], "number"], ...COLUMNS]
      : COLUMNS;
    this.shown = Array.from(r.o, (_, at) => at);
    this.sorted = [null, 1];
    this.open = this.selected = null;
    this.search = h("input", {
      type: "search",
      "aria-label": "filter records",
      placeholder: "filter: words of a record, direction:reverse, layer:libxl, frame:100-200, number:10, pfn:4711 or pfn:0x1267, whole:no",
      oninput: () => this.filter(),
    });
    this.tally = h("span", { class: "faint" });
    this.head = h(
      "div",
      { class: "head", role: "row" },
      this.columns.map(([name, , key, , kind]) =>
        h(
          "button",
          {
            role: "columnheader",
            class: kind || null,
            disabled: key ? null : true,
            onclick: () => this.sort(name, key),
          },
          name,
        ),
      ),
    );
    this.space = h("div");
    this.body = h(
      "div",
      {
        class: "body",
        tabindex: 0,
        role: "grid",
        "aria-label": `records of ${input.name}`,
        "aria-rowcount": r.o.length,
        onscroll: () => this.draw(),
        onkeydown: (event) => this.key(event),
      },
      this.space,
    );
    const notes = r.left_out ? `${many(r.left_out, "more record")} are left out: xenshark read shows all.` : "";
    this.node = h(
      "div",
      {},
      h("div", { class: "tools" }, this.search, this.tally, h("button", { onclick: () => this.save() }, "CSV")),
      h(
        "div",
        { class: "records", vars: { "--columns": this.columns.map(([, width]) => width).join(" ") } },
        this.head,
        this.body,
      ),
      notes && h("p", { class: "faint" }, notes),
    );
    new ResizeObserver(() => this.draw()).observe(this.body);
    this.filter();
  }

  /** Rows that fit all words. */
  filter() {
    const r = this.records,
      names = r.names.map((name) => name.toLowerCase());
    const tests = this.search.value
      .toLowerCase()
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => {
        const [, key, value] = /^(\w+):(.*)$/.exec(word) || [];
        const [low, high] = (value || "").split("-").map(Number);
        const within = (number) => number !== null && number >= low && number <= (high ?? low);
        const kinds = {
          direction: (at) => DIRECTIONS[r.d[at]].startsWith(value),
          layer: (at) => r.layers[r.l[at]] === value,
          frame: (at) => within(r.f[at]),
          offset: (at) => within(r.o[at]),
          migration: (at) => within(r.m[at]),
          whole: (at) => (r.c[at] ? "yes" : "no").startsWith(value),
          length: (at) => within(r.s[at]),
          number: (at) => within(r.numbers[at]),
          pfn: (at) => Array.isArray(r.p[at]) && lists(r.p[at], low, high ?? low),
        };
        return (
          kinds[key] ||
          ((at) =>
            names[r.n[at]].includes(word) ||
            DIRECTIONS[r.d[at]].includes(word) ||
            (r.layers[r.l[at]] || "").includes(word))
        );
      });
    this.shown = [];
    for (let at = 0; at < r.o.length; at++) if (tests.every((test) => test(at))) this.shown.push(at);
    const unlisted = this.unlisted && /(^|\s)pfn:/i.test(this.search.value);
    this.tally.textContent =
      `${count(this.shown.length)} of ${many(r.o.length, "record")}` +
      (unlisted ? `; the pfns of ${many(this.unlisted, "record")} are not in the report: xenshark read -Y finds them` : "");
    this.open = null;
    this.order();
    this.body.scrollTop = 0;
    this.draw();
  }

  sort(name, key) {
    this.sorted = [name, this.sorted[0] === name ? -this.sorted[1] : 1, key];
    for (const button of this.head.children)
      button.setAttribute(
        "aria-sort",
        button.textContent === name ? (this.sorted[1] > 0 ? "ascending" : "descending") : "none",
      );
    this.order();
    this.draw();
  }

  order() {
    const [name, way, key] = this.sorted,
      r = this.records;
    if (name === null) return;
    this.shown.sort((a, b) => {
      const one = key(r, a),
        other = key(r, b);
      return one < other ? -way : one > other ? way : a - b;
    });
  }

  draw() {
    const { body, shown, records: r } = this;
    const opened = this.open === null ? -1 : shown.indexOf(this.open);
    this.space.style.height = `${shown.length * ROW + (opened >= 0 ? DETAIL : 0)}px`;
    const top = (place) => place * ROW + (opened >= 0 && place > opened ? DETAIL : 0);
    const first = Math.max(0, Math.floor((body.scrollTop - DETAIL) / ROW) - 4),
      last = Math.min(shown.length, Math.ceil((body.scrollTop + body.clientHeight) / ROW) + 4);
    const rows = [];
    for (let place = first; place < last; place++) {
      const at = shown[place];
      rows.push(
        h(
          "div",
          {
            class: `row ${DIRECTIONS[r.d[at]]}`,
            role: "row",
            "aria-rowindex": place + 1,
            "aria-selected": String(at === this.selected),
            vars: { top: `${top(place)}px` },
            onclick: () => this.toggle(at),
          },
          this.columns.map(([, , , text, kind]) =>
            h("span", { class: `text ${kind || ""}`, role: "gridcell" }, text(r, at)),
          ),
        ),
      );
    }
    if (opened >= first && opened < last)
      rows.push(h("div", { class: "fields", vars: { top: `${(opened + 1) * ROW}px` } }, this.fields(this.open)));
    body.replaceChildren(this.space, ...rows);
  }

  fields(at) {
    const r = this.records,
      when = r.t[at] === null ? "" : `, ${moment(r.base + r.t[at] / 1e6)}`;
    const link = (one, direction) =>
      one &&
      typeof one === "object" &&
      Number.isInteger(one.offset) &&
      h("button", { onclick: () => this.goTo(r.m[at], direction, one.offset) }, "go to it");
    const branch = (value, name) => {
      if (value === null || typeof value !== "object") return said(value === null ? "none" : value, "mono");
      if (name === "pages")
        return h(
          "ul",
          { class: "tree" },
          value.map((run) => h("li", {}, said(runText(run), "mono"))),
        );
      const entries = Object.entries(value).slice(0, 300);
      const to = name === "answers" ? 0 : name === "faults" ? 1 : null;
      return h(
        "ul",
        { class: "tree" },
        entries.map(([key, each]) =>
          h("li", {}, h("b", {}, said(key)), to !== null && link(each, to), branch(each, key)),
        ),
      );
    };
    const known = r.x[at];
    return [
      h(
        "p",
        { class: "faint" },
        `record ${count(r.numbers[at])}, ${visible(r.names[r.n[at]])}, ${DIRECTIONS[r.d[at]]} offset ${count(r.o[at])}, ${many(r.s[at], "octet")}${when}`,
      ),
      known
        ? branch(known, "")
        : h("p", {}, "The fields of this record are not in the report: xenshark read -V shows them."),
    ];
  }

  toggle(at) {
    this.selected = at;
    this.open = this.open === at ? null : at;
    this.draw();
  }

  key(event) {
    if (event.target !== this.body) return; // a button inside has its own keys
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Enter" && this.selected !== null) this.toggle(this.selected);
    else if (by === undefined || !this.shown.length) return;
    else
      this.show(
        Math.min(
          this.shown.length - 1,
          Math.max(0, (this.selected === null ? -1 : this.shown.indexOf(this.selected)) + by),
        ),
      );
    event.preventDefault();
  }

  show(place) {
    this.selected = this.shown[place];
    const top = place * ROW;
    if (top < this.body.scrollTop || top + ROW > this.body.scrollTop + this.body.clientHeight)
      this.body.scrollTop = top - this.body.clientHeight / 3;
    this.draw();
  }

  /** Shows a record and its fields. Whether it is in the report. */
  goTo(migration, direction, offset) {
    const r = this.records,
      at = r.o.findIndex((one, index) => one === offset && r.d[index] === direction && r.m[index] === migration);
    if (at < 0) return false;
    if (!this.shown.includes(at)) {
      this.search.value = "";
      this.filter();
    }
    this.open = at;
    this.show(this.shown.indexOf(at));
    this.body.scrollIntoView({ block: "center" });
    this.body.focus({ preventScroll: true });
    return true;
  }

  save() {
    const r = this.records;
    save(
      `records-${this.input.key}.csv`,
      "text/csv",
      asCsv([
        ["number", "migration", "time_s", "frame", "direction", "layer", "record", "offset", "length", "complete"],
        ...this.shown.map((at) => [
          r.numbers[at],
          r.m[at],
          r.t[at] === null ? null : (r.base + r.t[at] / 1e6).toFixed(6),
          r.f[at],
          DIRECTIONS[r.d[at]],
          r.layers[r.l[at]],
          r.names[r.n[at]],
          r.o[at],
          r.s[at],
          Boolean(r.c[at]),
        ]),
      ]),
    );
  }
}
