"use strict";
/* Draws the report from the data in the page. Text from a capture becomes a text node and never markup.

   In order: words and numbers, elements, charts (one class: axes, zoom, hover, keys, downloads), what each chart shows,
   the table of records, and the sections of the page. */

// --- words and numbers

const MANY = new Intl.NumberFormat("en-US");
const count = (n) => (n === null || n === undefined ? "not known" : MANY.format(Math.round(n)));
const many = (n, one, several = one + "s") => `${count(n)} ${n === 1 ? one : several}`;

function size(octets) {
  for (const [unit, factor] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (octets >= factor) return `${(octets / factor).toFixed(1)} ${unit}`;
  }
  return `${count(octets)} octets`;
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "not known";
  return Math.abs(seconds) >= 1 ? `${seconds.toFixed(3)} s` : `${(seconds * 1e3).toFixed(3)} ms`;
}

const moment = (time) => (time === null ? "no time" : new Date(time * 1e3).toISOString().replace("T", " ").replace("Z", " UTC"));
const percent = (part) => `${(100 * part).toFixed(1)} %`;
const endpoint = (end) => (end.address.includes(":") ? `[${end.address}]:${end.port}` : `${end.address}:${end.port}`);
const words = (name) => name.replaceAll("_", " ");

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu; // controls, and what turns the direction of text
const visible = (text) => String(text).replace(HIDDEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);

// --- elements

function fill(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child instanceof Node ? child : String(child));
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
  const cells = (row, tag) => row.map((one) => h(tag, typeof one === "object" || tag === "th" ? {} : { class: /^[-\d]/.test(one) ? "number" : "" }, one));
  return h("div", { class: "scroll" }, h("table", attributes,
    head && h("thead", {}, h("tr", {}, cells(head, "th"))), h("tbody", {}, rows.map((row) => h("tr", { class: row.kind || null }, cells(row, "td"))))));
}

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function asCsv(rows) {
  const cell = (one) => {
    const text = one === null || one === undefined ? "" : String(one);
    // A spreadsheet takes text that begins so for a formula.
    const safe = typeof one === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

// --- charts

const PAD = { left: 76, right: 14, top: 8, bottom: 26 };
const STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
  "stroke-linejoin", "opacity", "font-family", "font-size", "font-weight", "text-anchor"];

function scale(from, to, low, high) {
  const place = (value) => low + ((value - from) / (to - from || 1)) * (high - low);
  place.back = (at) => from + ((at - low) / (high - low || 1)) * (to - from);
  return place;
}

function steps(from, to, wanted) {
  const rough = (to - from) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((one) => one * power >= rough) * power;
  const found = [];
  for (let at = Math.ceil(from / step); at * step <= to; at++) found.push(at * step);
  return found;
}

const powers = (from, to) => {
  const found = [];
  for (let at = Math.ceil(Math.log10(from) - 1e-9); at <= Math.log10(to) + 1e-9; at++) found.push(10 ** at);
  return found;
};

const brief = (seconds) => (seconds >= 1 ? `${+seconds.toPrecision(3)} s` : seconds >= 1e-3 ? `${+(seconds * 1e3).toPrecision(3)} ms` : `${+(seconds * 1e6).toPrecision(3)} µs`);
const compact = (n) => (n >= 1e9 ? `${+(n / 1e9).toPrecision(3)} G` : n >= 1e6 ? `${+(n / 1e6).toPrecision(3)} M` : n >= 1e3 ? `${+(n / 1e3).toPrecision(3)} k` : `${+n.toPrecision(3)}`);

/** What part of the time all charts over time show, in seconds since each migration's first octet. */
const view = {
  whole: [0, 1], from: 0, to: 1, charts: new Set(),
  show(from, to) {
    const [low, high] = this.whole, least = (high - low) / 1e5;
    if (to - from < least) return;
    this.from = Math.max(low, from);
    this.to = Math.min(high, to);
    for (const chart of this.charts) chart.draw();
  },
  zoom(factor, around = (this.from + this.to) / 2) {
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  },
  move(by) {
    const width = this.to - this.from, from = Math.min(Math.max(this.whole[0], this.from + by * width), this.whole[1] - width);
    this.show(from, from + width);
  },
};

/** A figure: `paint(chart)` draws, `read(x)` says what is at a place, `rows()` gives its data as a table. */
class Chart {
  constructor({ title, note, name, height, paint, read, rows, legend = [], overTime = true, domain }) {
    Object.assign(this, { title, name, height, paint, read, rows, overTime, domain, hidden: new Set() });
    this.svg = s("svg", { role: "img", "aria-label": `${title}. ${note || ""}`, tabindex: 0 });
    const keys = legend.map(([key, label]) => h("button", { "aria-pressed": "true", vars: { "--c": `var(--${key})` }, onclick: (event) => {
      this.hidden.has(key) ? this.hidden.delete(key) : this.hidden.add(key);
      event.currentTarget.setAttribute("aria-pressed", String(!this.hidden.has(key)));
      this.draw();
    } }, h("i"), label));
    const tools = [
      overTime && h("button", { class: "no-print", title: "zoom in (+)", onclick: () => view.zoom(0.5) }, "+"),
      overTime && h("button", { class: "no-print", title: "zoom out (-)", onclick: () => view.zoom(2) }, "\u2212"),
      overTime && h("button", { class: "no-print", title: "all of it (0)", onclick: () => view.show(...view.whole) }, "all"),
      h("button", { class: "no-print", onclick: () => save(`${name}.svg`, "image/svg+xml", this.asSvg()) }, "SVG"),
      h("button", { class: "no-print", onclick: () => save(`${name}.csv`, "text/csv", asCsv(this.rows())) }, "CSV"),
    ];
    this.node = h("figure", { id: name }, h("figcaption", {}, h("h3", {}, said(title)), tools, keys.length ? h("div", { class: "legend" }, keys) : null, note && h("p", {}, said(note))), this.svg);
    this.listen();
    if (overTime) view.charts.add(this);
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  draw() {
    const width = Math.max(320, Math.round(this.node.clientWidth));
    if (!this.node.clientWidth) return;
    this.width = width;
    const [from, to] = this.overTime ? [view.from, view.to] : this.domain;
    this.x = scale(from, to, PAD.left, width - PAD.right);
    this.from = from;
    this.to = to;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.svg.replaceChildren();
    const clip = `clip-${this.name}`;
    this.svg.append(s("defs", {}, s("clipPath", { id: clip }, s("rect", { x: PAD.left, y: 0, width: width - PAD.left - PAD.right, height: this.height }))));
    this.back = this.svg.appendChild(s("g"));
    this.plot = this.svg.appendChild(s("g", { "clip-path": `url(#${clip})` }));
    this.front = this.svg.appendChild(s("g"));
    this.paint(this);
    if (this.overTime) this.axisX(steps(from, to, width / 110), (at) => `${+at.toFixed(6)} s`);
  }

  get bottom() { return this.height - PAD.bottom; }

  axisX(ticks, label, place = this.x) {
    for (const at of ticks) {
      this.back.append(s("line", { class: "grid", x1: place(at), x2: place(at), y1: PAD.top, y2: this.bottom }));
      this.back.append(s("text", { x: place(at), y: this.bottom + 15, "text-anchor": "middle" }, label(at)));
    }
  }

  axisY(ticks, place, label) {
    for (const at of ticks) {
      this.back.append(s("line", { class: "grid", x1: PAD.left, x2: this.width - PAD.right, y1: place(at), y2: place(at) }));
      this.back.append(s("text", { x: PAD.left - 7, y: place(at) + 4, "text-anchor": "end" }, label(at)));
    }
  }

  lane(y, label) {
    this.front.append(s("text", { x: PAD.left - 7, y: y + 4, "text-anchor": "end", class: "name" }, label));
  }

  /** Steps over bins of time: an area from `base`, or a line. */
  series(values, start, bin, y, color, base = null) {
    const path = [];
    const first = Math.max(0, Math.floor((this.from - start) / bin)), last = Math.min(values.length, Math.ceil((this.to - start) / bin));
    for (let at = first; at < last; at++) {
      const height = y(values[at]).toFixed(1);
      path.push(`${path.length ? "L" : "M"}${this.x(start + at * bin).toFixed(2)} ${height}H${this.x(start + (at + 1) * bin).toFixed(2)}`);
    }
    if (!path.length) return;
    const left = this.x(start + first * bin).toFixed(2);
    if (base !== null) this.plot.append(s("path", { d: `${path.join("")}V${base}H${left}Z`, fill: color, "fill-opacity": 0.22 }));
    this.plot.append(s("path", { d: path.join(""), fill: "none", stroke: color, "stroke-width": 1.3, "stroke-linejoin": "round" }));
  }

  dots(points, color, radius = 2.2) {
    const d = points.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");
    if (d) this.plot.append(s("path", { d, fill: "none", stroke: color, "stroke-width": 2 * radius, "stroke-linecap": "round", "stroke-opacity": 0.75 }));
  }

  listen() {
    let dragged = null, selection = null;
    const at = (event) => (event.clientX - this.svg.getBoundingClientRect().left) * (this.width / this.svg.getBoundingClientRect().width);
    this.svg.addEventListener("pointerdown", (event) => { if (this.overTime && event.button === 0) { dragged = at(event); this.svg.setPointerCapture(event.pointerId); } });
    this.svg.addEventListener("pointermove", (event) => {
      this.point(at(event), event.clientX, event.clientY);
      if (dragged === null) return;
      selection?.remove();
      const [a, b] = [dragged, at(event)].sort((one, other) => one - other);
      selection = this.front.appendChild(s("rect", { class: "selection", x: a, y: 0, width: b - a, height: this.bottom }));
    });
    this.svg.addEventListener("pointerup", (event) => {
      if (dragged !== null) {
        const [a, b] = [dragged, at(event)].sort((one, other) => one - other);
        dragged = null;
        selection?.remove();
        if (b - a > 6) view.show(this.x.back(a), this.x.back(b));
      }
    });
    this.svg.addEventListener("dblclick", () => this.overTime && view.show(...view.whole));
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("blur", () => this.leave());
    this.svg.addEventListener("wheel", (event) => {
      if (!this.overTime || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      view.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.x.back(at(event)));
    }, { passive: false });
    const keys = {
      "+": () => view.zoom(0.5), "=": () => view.zoom(0.5), "-": () => view.zoom(2), 0: () => view.show(...view.whole),
      PageUp: () => view.move(-0.5), PageDown: () => view.move(0.5),
      Escape: () => this.leave(), ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
    };
    this.svg.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey || (!this.overTime && !event.key.startsWith("Arrow") && event.key !== "Escape")) return;
      event.preventDefault();
      act();
    });
  }

  step(by) {
    const width = this.width - PAD.left - PAD.right;
    this.at = Math.min(width, Math.max(0, (this.at ?? width / 2) + (by * width) / 100));
    const box = this.svg.getBoundingClientRect();
    const x = PAD.left + this.at;
    this.point(x, box.left + (x * box.width) / this.width, box.top + 20);
  }

  point(x, clientX, clientY) {
    this.line?.remove();
    if (x < PAD.left || x > this.width - PAD.right) return this.leave();
    const found = this.read(x, this);
    if (!found) return this.leave();
    this.line = this.front.appendChild(s("line", { class: "cursor", x1: x, x2: x, y1: 0, y2: this.bottom }));
    const tip = document.getElementById("tip");
    tip.replaceChildren(h("table", {}, found.map(([what, value]) => h("tr", {}, h("td", { class: "dim" }, said(what)), h("td", {}, said(value))))));
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = clientX + 16 + box.width > innerWidth ? clientX - 16 - box.width : clientX + 16;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, Math.min(clientY + 14, innerHeight - box.height - 4))}px`;
    return undefined;
  }

  leave() {
    this.line?.remove();
    document.getElementById("tip").hidden = true;
  }

  /** The picture by itself, for paper: light, and every style in the elements. */
  asSvg() {
    const root = document.documentElement, theme = root.getAttribute("data-theme");
    root.setAttribute("data-theme", "light");
    this.leave();
    const copy = this.svg.cloneNode(true);
    const own = [this.svg, ...this.svg.querySelectorAll("*")], copies = [copy, ...copy.querySelectorAll("*")];
    own.forEach((node, index) => {
      const style = getComputedStyle(node);
      for (const name of STYLES) copies[index].setAttribute(name, style.getPropertyValue(name));
    });
    theme === null ? root.removeAttribute("data-theme") : root.setAttribute("data-theme", theme);
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", this.width);
    copy.setAttribute("height", this.height);
    return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}`;
  }
}

// --- what each chart shows; `one` is a migration

const color = (name) => `var(--${name})`;
const binAt = (at, start, bin) => Math.floor((at - start) / bin);

function picture(one, most) {
  const { m, t, faults } = one;
  const start = t.start_time - one.start, bin = t.bin;
  const rate = (values) => values.map((octets) => octets / bin);
  const forward = rate(t.forward.octets), reverse = rate(t.reverse.octets);
  const phases = m.phases.map((phase) => ({ ...phase, from: phase.start_time - one.start, to: phase.end_time - one.start }));
  const iterations = m.iterations.map((each) => ({ ...each, from: each.start_time - one.start, to: each.end_time - one.start }));
  const lanes = { phases: 18, iterations: 42, forward: [64, 214], reverse: [230, 276], faults: 294, again: 310, lost: 326, stalls: 342 };
  return new Chart({
    title: one.name, name: `migration-${one.key}`, height: 380,
    note: `Octets a second in bins of ${duration(bin)}. Drag, Ctrl and wheel, or + and - to zoom; double click or 0 for all; arrow keys read values.`,
    paint(chart) {
      const { x, plot, back } = chart;
      for (const phase of phases) {
        const left = x(phase.from), width = Math.max(1, x(phase.to) - left);
        plot.append(s("rect", { x: left, y: 0, width, height: chart.bottom, fill: color(phase.name), opacity: 0.08 }));
        plot.append(s("rect", { x: left, y: lanes.phases - 10, width, height: 20, fill: color(phase.name), opacity: 0.75 }));
        const seen = [Math.max(left, PAD.left), Math.min(left + width, chart.width - PAD.right)];
        if (seen[1] - seen[0] > 6.6 * phase.name.length) plot.append(s("text", { x: (seen[0] + seen[1]) / 2, y: lanes.phases + 4, "text-anchor": "middle", fill: "#fff", vars: { fill: "#fff", "font-weight": 600 } }, phase.name));
      }
      chart.lane(lanes.phases, "phases");
      iterations.forEach((each, index) => {
        const left = x(each.from), width = Math.max(1, x(each.to) - left);
        plot.append(s("rect", { x: left, y: lanes.iterations - 8, width, height: 16, fill: color(each.verify ? "checkpoint" : "precopy"), opacity: index % 2 ? 0.35 : 0.55 }));
        if (width > 22) plot.append(s("text", { x: left + width / 2, y: lanes.iterations + 4, "text-anchor": "middle", class: "name" }, each.verify ? "verify" : each.index));
      });
      if (iterations.length) chart.lane(lanes.iterations, "iterations");
      const up = scale(0, most.forward, lanes.forward[1], lanes.forward[0]), down = scale(0, most.reverse, lanes.reverse[1], lanes.reverse[0]);
      chart.axisY(steps(0, most.forward, 4), up, (at) => `${compact(at)}B/s`);
      chart.axisY([0, most.reverse], down, (at) => `${compact(at)}B/s`);
      for (const stall of t.stalls) plot.append(s("rect", { x: x(stall.start_time - one.start), y: lanes.stalls - 5, width: Math.max(1, x(stall.start_time + stall.duration) - x(stall.start_time)), height: 10, fill: color("stall") }));
      chart.series(forward, start, bin, up, color("forward"), lanes.forward[1]);
      chart.series(reverse, start, bin, down, color("reverse"), lanes.reverse[1]);
      plot.append(s("text", { x: PAD.left + 6, y: lanes.forward[0] + 8, class: "name" }, "forward"), s("text", { x: PAD.left + 6, y: lanes.reverse[0] + 8, class: "name" }, "reverse"));
      const ticks = (values, y, name) => {
        const d = values.map((octets, at) => (octets ? `M${x(start + (at + 0.5) * bin).toFixed(1)} ${y - 5}v10` : "")).join("");
        if (d) plot.append(s("path", { d, stroke: color(name), "stroke-width": Math.max(1.5, Math.min(6, x(bin) - x(0))), fill: "none" }));
      };
      ticks(t.forward.retransmitted.map((octets, at) => octets + t.reverse.retransmitted[at]), lanes.again, "again");
      ticks(t.forward.not_captured.map((octets, at) => octets + t.reverse.not_captured[at]), lanes.lost, "lost");
      for (const inFlight of [false, true]) {
        const d = faults.filter((fault) => fault.in_flight === inFlight && fault.at !== null).map((fault) => `M${x(fault.at).toFixed(1)} ${lanes.faults - 6}v12`).join("");
        if (d) plot.append(s("path", { d, stroke: color(inFlight ? "flight" : "fault"), "stroke-width": 1.4, fill: "none" }));
      }
      for (const [lane, label] of [["faults", "faults"], ["again", "sent again"], ["lost", "not captured"], ["stalls", "stalls"]]) {
        chart.lane(lanes[lane], label);
        back.append(s("line", { class: "grid", x1: PAD.left, x2: chart.width - PAD.right, y1: lanes[lane] + 8, y2: lanes[lane] + 8 }));
      }
    },
    read(place, chart) {
      const at = chart.x.back(place), bin_ = binAt(at, start, bin);
      const near = (Math.abs(chart.x.back(5) - chart.x.back(0)) || 0);
      const phase = phases.find((each) => each.from <= at && at <= each.to), iteration = iterations.find((each) => each.from <= at && at <= each.to);
      const found = [["time", `${at.toFixed(6)} s`]];
      if (phase) found.push(["phase", `${phase.name}, ${duration(phase.to - phase.from)}, ${size(phase.forward)} forward`]);
      if (iteration) found.push([iteration.verify ? "verify" : `iteration ${iteration.index}`, `${many(iteration.entries, "entry", "entries")}, ${count(iteration.data_pages)} sent`]);
      if (bin_ >= 0 && bin_ < forward.length) {
        found.push(["forward", `${size(forward[bin_])}/s`], ["reverse", `${size(reverse[bin_])}/s`]);
        const again = t.forward.retransmitted[bin_] + t.reverse.retransmitted[bin_], lost = t.forward.not_captured[bin_] + t.reverse.not_captured[bin_];
        if (again) found.push(["retransmitted", size(again)]);
        if (lost) found.push(["not captured", size(lost)]);
      }
      const stall = t.stalls.find((each) => each.start_time - one.start <= at && at <= each.start_time - one.start + each.duration);
      if (stall) found.push(["stall", duration(stall.duration)]);
      const hit = faults.filter((fault) => fault.at !== null && Math.abs(fault.at - at) <= near);
      if (hit.length === 1) found.push(["fault", `pfn ${hit[0].pfn}, ${fate(hit[0])}`]);
      else if (hit.length) found.push(["faults", count(hit.length)]);
      return found;
    },
    rows: () => [["start_s", "forward_octets", "reverse_octets", "forward_retransmitted", "reverse_retransmitted", "forward_not_captured", "reverse_not_captured", "phase"],
      ...t.forward.octets.map((octets, at) => [start + at * bin, octets, t.reverse.octets[at], t.forward.retransmitted[at], t.reverse.retransmitted[at], t.forward.not_captured[at], t.reverse.not_captured[at],
        (phases.findLast((each) => each.from <= start + at * bin) || phases[0]).name])],
  });
}

const fate = (fault) => (fault.latency === null ? "never answered" : fault.in_flight ? "in flight already" : `answered after ${duration(fault.latency)}`);

const USES = [["sent", "sent"], ["sent_again", "sent again"], ["announced", "announced"], ["pushed", "pushed"], ["answered", "answered"], ["faulted", "faulted"]];

function memoryMap(one) {
  const map = one.t.pages, start = map.start_time - one.start;
  const most = Math.max(...map.uses.flatMap((use) => use.pages));
  const levels = 4, level = (pages) => Math.min(levels, Math.ceil(levels * Math.sqrt(pages / most)));
  const uses = new Map(map.uses.map((use) => [use.use, use]));
  const never = map.never_came.reduce((sum, pages) => sum + pages, 0);
  const legend = USES.filter(([use]) => uses.has(use)).map(([use, label]) => [use, `${label} ${count(uses.get(use).pages.reduce((sum, pages) => sum + pages, 0))}`]);
  if (never) legend.push(["never", `never came ${count(never)}`]);
  const cells = new Map(); // what happened in a cell, for hovering: "row,bin" to words
  for (const [use, label] of USES) {
    uses.get(use)?.pages.forEach((pages, at) => {
      const key = uses.get(use).rows[at] * map.bins + uses.get(use).bins[at];
      cells.set(key, [...(cells.get(key) || []), [label, many(pages, "page")]]);
    });
  }
  const height = Math.max(180, Math.min(420, 3 * map.rows.length));
  return new Chart({
    title: one.name, name: `memory-${one.key}`, height: height + PAD.top + PAD.bottom, legend,
    note: `Pfns upwards, ${many(map.row_size, "pfn")} a row, ${duration(map.bin)} a column; rows without pages are left out. The darker, the more pages.`,
    paint(chart) {
      const { x, plot } = chart;
      const y = scale(0, map.rows.length, chart.bottom, PAD.top), tall = (chart.bottom - PAD.top) / map.rows.length;
      for (const [use] of USES) {
        if (!uses.has(use) || chart.hidden.has(use)) continue;
        const paths = Array.from({ length: levels }, () => []);
        const { rows, bins, pages } = uses.get(use);
        rows.forEach((row, at) => {
          const left = x(start + bins[at] * map.bin), right = Math.max(left + 1.5, x(start + (bins[at] + 1) * map.bin));
          if (right >= PAD.left && left <= chart.width) paths[level(pages[at]) - 1].push(`M${left.toFixed(1)} ${y(row + 1).toFixed(1)}H${right.toFixed(1)}v${Math.max(1, tall).toFixed(2)}H${left.toFixed(1)}z`);
        });
        paths.forEach((d, at) => d.length && plot.append(s("path", { d: d.join(""), fill: color(use), "fill-opacity": 0.4 + (0.6 * (at + 1)) / levels })));
      }
      if (never && !chart.hidden.has("never")) {
        const d = map.never_came.map((pages, row) => (pages ? `M${chart.width - PAD.right - 7} ${y(row + 1).toFixed(1)}h7v${Math.max(1, tall).toFixed(2)}h-7z` : "")).join("");
        plot.append(s("path", { d, fill: color("never") }));
      }
      const every = Math.ceil(map.rows.length / 7);
      map.rows.forEach((pfn, row) => {
        const isBroken = row && pfn - map.rows[row - 1] !== map.row_size;
        if (isBroken) chart.front.append(s("line", { class: "cursor", x1: PAD.left - 4, x2: chart.width - PAD.right, y1: y(row), y2: y(row) }));
        if (row % every === 0) chart.back.append(s("text", { x: PAD.left - 7, y: y(row) + 3, "text-anchor": "end" }, `0x${pfn.toString(16)}`));
      });
    },
    read(place, chart) {
      const at = chart.x.back(place), bin = map.start_time === null ? 0 : binAt(at, start, map.bin);
      const rows = [];
      map.rows.forEach((pfn, row) => { const found = cells.get(row * map.bins + bin); if (found) rows.push([pfn, found]); });
      const total = new Map();
      for (const [, found] of rows) for (const [label, pages] of found) total.set(label, (total.get(label) || 0) + parseInt(pages.replaceAll(",", ""), 10));
      return [["time", `${at.toFixed(6)} s`], ...[...total].map(([label, pages]) => [label, many(pages, "page")]),
        ...(rows.length ? [["pfns", `0x${rows[0][0].toString(16)} to 0x${(rows.at(-1)[0] + map.row_size - 1).toString(16)}`]] : [])];
    },
    rows: () => [["use", "first_pfn", "pfns", "start_s", "width_s", "pages"],
      ...map.uses.flatMap((use) => use.rows.map((row, at) => [use.use, map.rows[row], map.row_size, start + use.bins[at] * map.bin, map.bin, use.pages[at]])),
      ...map.never_came.flatMap((pages, row) => (pages ? [["never_came", map.rows[row], map.row_size, "", "", pages]] : []))],
  });
}

function rates(one, most) {
  const bars = one.m.iterations.map((each) => ({ ...each, from: each.start_time - one.start, to: each.end_time - one.start }));
  return new Chart({
    title: one.name, name: `iterations-${one.key}`, height: 210, legend: [["precopy", "sent, pages/s"], ["stop", "dirtied meanwhile, pages/s"]],
    note: one.m.convergence && `Precopy ${one.m.convergence.converging ? "converged" : "did not converge"}: at last the guest wrote to ${count(one.m.convergence.dirty_pages_per_second)} pages/s, and ${count(one.m.convergence.sent_pages_per_second)} pages/s were sent.`,
    paint(chart) {
      const y = scale(0, most, chart.bottom, PAD.top + 8);
      chart.axisY(steps(0, most, 4), y, compact);
      for (const bar of bars) {
        const left = chart.x(bar.from), width = Math.max(1.5, chart.x(bar.to) - left);
        const rect = (rate, name, opacity) => rate !== null && !chart.hidden.has(name) && chart.plot.append(
          s("rect", { x: left, y: y(rate), width, height: chart.bottom - y(rate), fill: color(name), "fill-opacity": opacity }), s("path", { d: `M${left} ${y(rate)}h${width}`, stroke: color(name), "stroke-width": 2.2 }));
        rect(bar.sent_pages_per_second, "precopy", 0.22);
        rect(bar.dirty_pages_per_second, "stop", 0.3);
        if (width > 16) chart.plot.append(s("text", { x: left + width / 2, y: chart.bottom - 4, "text-anchor": "middle", class: "name" }, bar.verify ? "verify" : bar.index));
      }
    },
    read(place, chart) {
      const at = chart.x.back(place), bar = bars.find((each) => each.from <= at && at <= each.to);
      return bar && [[bar.verify ? "verify" : "iteration", bar.index], ["entries", count(bar.entries)], ["sent", many(bar.data_pages, "page")], ["took", duration(bar.to - bar.from)],
        ["sent", bar.sent_pages_per_second === null ? "rate not known" : `${count(bar.sent_pages_per_second)} pages/s`], ["dirtied", bar.dirty_pages_per_second === null ? "rate not known" : `${count(bar.dirty_pages_per_second)} pages/s`]];
    },
    rows: () => [["index", "verify", "start_s", "end_s", "entries", "data_pages", "sent_pages_per_second", "dirty_pages_per_second", "octets_per_second"],
      ...bars.map((bar) => [bar.index, bar.verify, bar.from, bar.to, bar.entries, bar.data_pages, bar.sent_pages_per_second, bar.dirty_pages_per_second, bar.octets_per_second])],
  });
}

function latencies(one, [low, high]) {
  const timed = one.faults.filter((fault) => fault.latency !== null && fault.at !== null);
  const waited = timed.filter((fault) => !fault.in_flight), flying = timed.filter((fault) => fault.in_flight);
  const logarithm = scale(Math.log10(low), Math.log10(high), 178, PAD.top + 6);
  const place = (value) => logarithm(Math.log10(Math.max(value, low)));
  return new Chart({
    title: one.name, name: `latency-${one.key}`, height: 236, legend: [["fault", `waited ${count(waited.length)}`], ["flight", `in flight already ${count(flying.length)}`]],
    note: "Each fault when it was sent, and how long its page took; pages that were in flight already are apart, below.",
    paint(chart) {
      chart.axisY(powers(low, high), place, brief);
      if (!chart.hidden.has("fault")) chart.dots(waited.map((fault) => [chart.x(fault.at), place(fault.latency)]), color("fault"));
      if (!chart.hidden.has("flight")) chart.dots(flying.map((fault) => [chart.x(fault.at), 197]), color("flight"));
      chart.lane(197, "in flight");
    },
    read(pixel, chart) {
      const at = chart.x.back(pixel), near = Math.abs(chart.x.back(6) - chart.x.back(0));
      const hit = timed.filter((fault) => Math.abs(fault.at - at) <= near).sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at));
      return hit.length ? [["time", `${hit[0].at.toFixed(6)} s`], ...hit.slice(0, 4).map((fault) => [`pfn ${fault.pfn}`, fate(fault)])] : [["time", `${at.toFixed(6)} s`]];
    },
    rows: () => [["pfn", "time_s", "latency_s", "in_flight", "frame"], ...one.faults.map((fault) => [fault.pfn, fault.at, fault.latency, fault.in_flight, fault.frame])],
  });
}

const SERIES = ["forward", "reverse", "pushed", "again", "checkpoint", "answered", "fault", "stall"];

function ecdf(those, [low, high]) {
  const curves = those.map((one) => ({ one, values: one.faults.filter((fault) => fault.latency !== null && !fault.in_flight).map((fault) => fault.latency).sort((a, b) => a - b) })).filter((curve) => curve.values.length);
  const paint = (curve, index) => color(SERIES[index % SERIES.length]);
  return new Chart({
    title: "Distribution of latency (ECDF)", name: "latency-ecdf", height: 260, overTime: false, domain: [Math.log10(low), Math.log10(high)],
    legend: curves.length > 1 ? curves.map((curve, index) => [SERIES[index % SERIES.length], curve.one.name]) : [],
    note: "The part of the faults that were answered within a time, of those whose page was not in flight already.",
    paint(chart) {
      const y = scale(0, 1, chart.bottom, PAD.top + 4);
      chart.axisY([0, 0.25, 0.5, 0.75, 0.95, 1], y, (at) => `${100 * at} %`);
      chart.axisX(powers(low, high), brief, (at) => chart.x(Math.log10(at)));
      curves.forEach((curve, index) => {
        if (curves.length > 1 && chart.hidden.has(SERIES[index % SERIES.length])) return;
        const d = curve.values.map((value, at) => `H${chart.x(Math.log10(Math.max(value, low))).toFixed(1)}V${y((at + 1) / curve.values.length).toFixed(1)}`).join("");
        chart.plot.append(s("path", { d: `M${PAD.left} ${y(0)}${d}H${chart.width - PAD.right}`, fill: "none", stroke: paint(curve, index), "stroke-width": 1.8, "stroke-linejoin": "round" }));
      });
    },
    read(place, chart) {
      const within = 10 ** chart.x.back(place);
      return [["within", brief(within)], ...curves.map((curve) => [curve.one.name, percent(curve.values.filter((value) => value <= within).length / curve.values.length)])];
    },
    rows: () => [["migration", "latency_s", "part"], ...curves.flatMap((curve) => curve.values.map((value, at) => [curve.one.name, value, (at + 1) / curve.values.length]))],
  });
}

function bars({ title, name, note, values, label, words: say, fill: paint = "sent_again", header }) {
  const most = Math.max(1, ...values);
  return new Chart({
    title, name, note, height: 190, overTime: false, domain: [0, values.length],
    paint(chart) {
      const y = scale(0, most, chart.bottom, PAD.top + 8), every = Math.ceil(values.length / (chart.width / 70));
      chart.axisY(steps(0, most, 3), y, compact);
      values.forEach((value, at) => {
        const left = chart.x(at), width = chart.x(at + 1) - left, gap = width > 6 ? 0.12 * width : 0;
        chart.plot.append(s("rect", { x: left + gap, y: y(value), width: Math.max(0.8, width - 2 * gap), height: chart.bottom - y(value), fill: color(paint) }));
        if (at % every === 0) chart.back.append(s("text", { x: left + width / 2, y: chart.bottom + 15, "text-anchor": "middle" }, label(at)));
      });
    },
    read(place, chart) {
      const at = Math.floor(chart.x.back(place));
      return at >= 0 && at < values.length ? say(at) : null;
    },
    rows: () => [header, ...values.map((value, at) => [label(at), value])],
  });
}

function sentAgain(one) {
  const map = one.t.pages, again = map.uses.find((use) => use.use === "sent_again");
  if (!again) return [];
  const where = map.rows.map(() => 0);
  again.rows.forEach((row, at) => { where[row] += again.pages[at]; });
  const hex = (at) => `0x${map.rows[at].toString(16)}`;
  const charts = [bars({ title: `${one.name}: where`, name: `again-where-${one.key}`, note: `Pages sent again, by pfn: ${many(map.row_size, "pfn")} a bar.`, values: where, label: hex, header: ["first_pfn", "sent_again"], words: (at) => [["pfns", `${hex(at)} and ${map.row_size - 1} on`], ["sent again", count(where[at])]] })];
  if (map.times_sent) {
    const often = (at) => `${at + 1}${at === 30 ? "+" : ""}`;
    charts.unshift(bars({ title: `${one.name}: how often`, name: `again-often-${one.key}`, note: "How many pages precopy sent once, twice, and so on.", values: map.times_sent, label: (at) => `${often(at)}\u00d7`, fill: "sent", header: ["times", "pages"], words: (at) => [["sent", `${often(at)} times`], ["pages", count(map.times_sent[at])]] }));
  }
  return charts;
}

// --- the table of records

const ROW = 24, DETAIL = 240;
const COLUMNS = [
  ["time", "6.6rem", (r, at) => r.time(at), (r, at) => (r.t[at] === null ? "" : ((r.t[at] / 1e6)).toFixed(6)), "number"],
  ["frame", "4.6rem", (r, at) => r.f[at], (r, at) => r.f[at] ?? "", "number"],
  ["direction", "4.8rem", (r, at) => r.d[at], (r, at) => DIRECTIONS[r.d[at]]],
  ["layer", "4.2rem", (r, at) => r.layers[r.l[at]] || "", (r, at) => r.layers[r.l[at]] || ""],
  ["record", "minmax(11rem, 1.2fr)", (r, at) => r.names[r.n[at]], (r, at) => visible(r.names[r.n[at]]) + (r.c[at] ? "" : " (not whole)")],
  ["offset", "7.5rem", (r, at) => r.o[at], (r, at) => count(r.o[at]), "number"],
  ["length", "6.5rem", (r, at) => r.s[at], (r, at) => count(r.s[at]), "number"],
  ["fields", "minmax(8rem, 2fr)", null, (r, at) => summary(r.x[at])],
];
const DIRECTIONS = ["forward", "reverse"];

function summary(fields) {
  if (!fields) return "";
  const parts = [];
  for (const [name, value] of Object.entries(fields)) {
    if (name === "pages" && value.length) parts.push(`${value.length > 1 ? many(value.length, "run") : "pfn"} from 0x${Number(value[0][0]).toString(16)}`);
    else if (typeof value !== "object") parts.push(`${name} ${value}`);
  }
  return visible(parts.join(", ").slice(0, 160));
}

/** Records of one input: draws the rows that are in sight, and one row's fields below it. */
class Records {
  constructor(input, several) {
    const r = (this.records = input.records);
    r.time = (at) => (r.t[at] === null ? -1 : r.t[at]);
    this.input = input;
    this.columns = several ? [["migration", "4.8rem", (each, at) => each.m[at], (each, at) => each.m[at], "number"], ...COLUMNS] : COLUMNS;
    this.shown = Array.from(r.o, (_, at) => at);
    this.sorted = [null, 1];
    this.open = this.selected = null;
    this.search = h("input", { type: "search", "aria-label": "filter records", placeholder: "filter: words of a record, direction:reverse, layer:libxl, frame:100-200, pfn:4711, whole:no", oninput: () => this.filter() });
    this.tally = h("span", { class: "faint" });
    this.head = h("div", { class: "head", role: "row" }, this.columns.map(([name, , key, , kind]) => h("button", { role: "columnheader", class: kind || null, disabled: key ? null : true, onclick: () => this.sort(name, key) }, name)));
    this.space = h("div");
    this.body = h("div", { class: "body", tabindex: 0, role: "grid", "aria-label": `records of ${input.name}`, "aria-rowcount": r.o.length, onscroll: () => this.draw(), onkeydown: (event) => this.key(event) }, this.space);
    const notes = r.left_out ? `${many(r.left_out, "more record")} are left out: xenshark read shows all.` : "";
    this.node = h("div", {}, h("div", { class: "tools" }, this.search, this.tally, h("button", { onclick: () => this.save() }, "CSV")),
      h("div", { class: "records", vars: { "--columns": this.columns.map(([, width]) => width).join(" ") } }, this.head, this.body), notes && h("p", { class: "faint" }, notes));
    new ResizeObserver(() => this.draw()).observe(this.body);
    this.filter();
  }

  /** Rows that fit all words. */
  filter() {
    const r = this.records, names = r.names.map((name) => name.toLowerCase());
    const tests = this.search.value.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
      const [, key, value] = /^(\w+):(.*)$/.exec(word) || [];
      const [low, high] = (value || "").split("-").map(Number);
      const within = (number) => number !== null && number >= low && number <= (high ?? low);
      const kinds = {
        direction: (at) => DIRECTIONS[r.d[at]].startsWith(value), layer: (at) => r.layers[r.l[at]] === value, frame: (at) => within(r.f[at]),
        offset: (at) => within(r.o[at]), migration: (at) => within(r.m[at]), whole: (at) => (r.c[at] ? "yes" : "no").startsWith(value), length: (at) => within(r.s[at]),
        pfn: (at) => (r.x[at]?.pages || []).some(([first, length]) => first <= (high ?? low) && first + length > low),
      };
      return kinds[key] || ((at) => names[r.n[at]].includes(word) || DIRECTIONS[r.d[at]].includes(word) || (r.layers[r.l[at]] || "").includes(word));
    });
    this.shown = [];
    for (let at = 0; at < r.o.length; at++) if (tests.every((test) => test(at))) this.shown.push(at);
    this.tally.textContent = `${count(this.shown.length)} of ${many(r.o.length, "record")}`;
    this.open = null;
    this.order();
    this.body.scrollTop = 0;
    this.draw();
  }

  sort(name, key) {
    this.sorted = [name, this.sorted[0] === name ? -this.sorted[1] : 1, key];
    for (const button of this.head.children) button.setAttribute("aria-sort", button.textContent === name ? (this.sorted[1] > 0 ? "ascending" : "descending") : "none");
    this.order();
    this.draw();
  }

  order() {
    const [name, way, key] = this.sorted, r = this.records;
    if (name === null) return;
    this.shown.sort((a, b) => { const one = key(r, a), other = key(r, b); return (one < other ? -way : one > other ? way : a - b); });
  }

  draw() {
    const { body, shown, records: r } = this;
    const opened = this.open === null ? -1 : shown.indexOf(this.open);
    this.space.style.height = `${shown.length * ROW + (opened >= 0 ? DETAIL : 0)}px`;
    const top = (place) => place * ROW + (opened >= 0 && place > opened ? DETAIL : 0);
    const first = Math.max(0, Math.floor((body.scrollTop - DETAIL) / ROW) - 4), last = Math.min(shown.length, Math.ceil((body.scrollTop + body.clientHeight) / ROW) + 4);
    const rows = [];
    for (let place = first; place < last; place++) {
      const at = shown[place];
      rows.push(h("div", { class: `row ${DIRECTIONS[r.d[at]]}`, role: "row", "aria-rowindex": place + 1, "aria-selected": String(at === this.selected), vars: { top: `${top(place)}px` }, onclick: () => this.toggle(at) },
        this.columns.map(([, , , text, kind]) => h("span", { class: `text ${kind || ""}`, role: "gridcell" }, text(r, at)))));
    }
    if (opened >= first && opened < last) rows.push(h("div", { class: "fields", vars: { top: `${(opened + 1) * ROW}px` } }, this.fields(this.open)));
    body.replaceChildren(this.space, ...rows);
  }

  fields(at) {
    const r = this.records, when = r.t[at] === null ? "" : `, ${moment(r.base + r.t[at] / 1e6)}`;
    const link = (one, direction) => one && typeof one === "object" && Number.isInteger(one.offset) && h("button", { onclick: () => this.goTo(r.m[at], direction, one.offset) }, "go to it");
    const branch = (value, name) => {
      if (value === null || typeof value !== "object") return said(value === null ? "none" : value, "mono");
      const entries = Object.entries(value).slice(0, 300);
      const to = name === "answers" ? 0 : name === "faults" ? 1 : null;
      return h("ul", { class: "tree" }, entries.map(([key, each]) => h("li", {}, h("b", {}, said(key)), to !== null && link(each, to), branch(each, key))));
    };
    const known = r.x[at];
    return [h("p", { class: "faint" }, `${visible(r.names[r.n[at]])}, ${DIRECTIONS[r.d[at]]} offset ${count(r.o[at])}, ${many(r.s[at], "octet")}${when}`),
      known ? branch(known, "") : h("p", {}, "The fields of this record are not in the report: xenshark read -V shows them.")];
  }

  toggle(at) {
    this.selected = at;
    this.open = this.open === at ? null : at;
    this.draw();
  }

  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Enter" && this.selected !== null) this.toggle(this.selected);
    else if (by === undefined || !this.shown.length) return;
    else this.show(Math.min(this.shown.length - 1, Math.max(0, (this.selected === null ? -1 : this.shown.indexOf(this.selected)) + by)));
    event.preventDefault();
  }

  show(place) {
    this.selected = this.shown[place];
    const top = place * ROW;
    if (top < this.body.scrollTop || top + ROW > this.body.scrollTop + this.body.clientHeight) this.body.scrollTop = top - this.body.clientHeight / 3;
    this.draw();
  }

  /** Shows a record and its fields. Whether it is in the report. */
  goTo(migration, direction, offset) {
    const r = this.records, at = r.o.findIndex((one, index) => one === offset && r.d[index] === direction && r.m[index] === migration);
    if (at < 0) return false;
    if (!this.shown.includes(at)) { this.search.value = ""; this.filter(); }
    this.open = at;
    this.show(this.shown.indexOf(at));
    this.body.scrollIntoView({ block: "center" });
    this.body.focus({ preventScroll: true });
    return true;
  }

  save() {
    const r = this.records;
    save(`records-${this.input.key}.csv`, "text/csv", asCsv([["migration", "time_s", "frame", "direction", "layer", "record", "offset", "length", "complete"],
      ...this.shown.map((at) => [r.m[at], r.t[at] === null ? null : r.base + r.t[at] / 1e6, r.f[at], DIRECTIONS[r.d[at]], r.layers[r.l[at]], r.names[r.n[at]], r.o[at], r.s[at], Boolean(r.c[at])])]));
  }
}

// --- the sections of the page

const OUTCOMES = { completed: "good", failed: "bad", failover: "warn", incomplete: "warn" };
const CUSTODY = { yes: ["may run the guest", "good"], no: ["must not run the guest", "dim"], undefined: ["may or may not run the guest: look there", "bad"] };
const SEVERITY = { error: "bad", warning: "warn", note: "dim" };

const took = (m) => { const times = m.phases.flatMap((phase) => [phase.start_time, phase.end_time]).filter((time) => time !== null); return times.length ? Math.max(...times) - Math.min(...times) : null; };
const stopped = (m) => m.postcopy?.downtime ?? null;

/** What is compared: name, value, how it is written. */
const MEASURES = [
  ["outcome", (m) => m.outcome], ["kind", (m) => m.kind], ["source may run", (m) => m.may_run.source], ["destination may run", (m) => m.may_run.destination],
  ["duration", took, duration], ["downtime at least", stopped, duration],
  ["forward", (m) => m.bytes.forward, size], ["reverse", (m) => m.bytes.reverse, size], ["retransmitted", (m) => (m.retransmitted.forward || 0) + (m.retransmitted.reverse || 0), size],
  ["not captured", (m) => m.gaps.reduce((sum, gap) => sum + gap.length, 0), size],
  ["iterations", (m) => m.iterations.length, count], ["converged", (m) => (m.convergence ? (m.convergence.converging ? "yes" : "no") : null)],
  ["dirty rate at last", (m) => m.convergence?.dirty_pages_per_second ?? null, (n) => `${count(n)} pages/s`], ["sent rate at last", (m) => m.convergence?.sent_pages_per_second ?? null, (n) => `${count(n)} pages/s`],
  ["pages sent by precopy", (m) => m.pages.data_pages, count], ["of them again", (m) => m.pages.sent_again, count], ["pfns", (m) => m.pages.unique_pfns, count],
  ["announced", (m) => m.postcopy?.announced ?? null, count], ["faulted pfns", (m) => m.postcopy?.faulted_pfns ?? null, count], ["in flight already", (m) => m.postcopy?.in_flight ?? null, count],
  ["pushed", (m) => m.postcopy?.pushed ?? null, count], ["never came", (m) => m.postcopy?.never_sent ?? null, count], ["unanswered", (m) => m.postcopy?.unanswered ?? null, count],
  ["latency, median", (m) => m.postcopy?.latency?.median ?? null, duration], ["latency, 95 %", (m) => m.postcopy?.latency?.p95 ?? null, duration], ["latency, largest", (m) => m.postcopy?.latency?.max ?? null, duration],
  ["postcopy took", (m) => m.postcopy?.duration ?? null, duration],
  ["errors", (m) => m.findings.filter((one) => one.severity === "error").length, count], ["warnings", (m) => m.findings.filter((one) => one.severity === "warning").length, count],
  ["guest", (m) => m.guest.name, visible], ["guest's type", (m) => m.guest.type, visible], ["vcpus", (m) => m.guest.vcpus, count], ["memory", (m) => m.guest.memory, (n) => `${count(n / 2 ** 20)} MiB`],
  ["toolstack", (m) => m.guest.toolstack], ["Xen", (m) => m.stream.xen, visible],
];

function card(one) {
  const { m } = one;
  const facts = [["took", duration(took(m))]];
  if (stopped(m) !== null) facts.push(["downtime", duration(stopped(m)), "at least"]);
  facts.push(["forward", size(m.bytes.forward)], ["pages", count(m.pages.data_pages), m.pages.sent_again ? `${count(m.pages.sent_again)} of them again` : null]);
  if (m.iterations.length) facts.push(["iterations", count(m.iterations.length), m.convergence && (m.convergence.converging ? "converged" : "did not converge")]);
  if (m.postcopy) facts.push(["faults", count(m.postcopy.faulted_pfns), `${count(m.postcopy.unanswered)} unanswered`]);
  if (m.postcopy?.latency?.median) facts.push(["latency", duration(m.postcopy.latency.median), "median"]);
  const who = [m.guest.name && `guest ${m.guest.name}`, m.guest.type?.toUpperCase(), m.guest.vcpus && many(m.guest.vcpus, "vcpu"), m.guest.memory && `${count(m.guest.memory / 2 ** 20)} MiB`, m.guest.toolstack && `by ${m.guest.toolstack}`, m.stream.xen && `Xen ${m.stream.xen}`];
  return h("section", { class: "card", "data-migration": one.key },
    h("div", { class: "who faint" }, said(one.name)),
    h("h1", {}, chip(m.outcome, OUTCOMES[m.outcome]), " ", said(m.verdict)),
    h("p", {}, m.flow ? [h("span", { class: "mono" }, said(endpoint(m.flow.source))), " \u2192 ", h("span", { class: "mono" }, said(endpoint(m.flow.destination)))] : "a file, no capture", ` \u00b7 ${m.kind}`),
    h("p", { class: "faint" }, said(who.filter(Boolean).join(", ") || "the stream does not say which guest")),
    h("p", {}, ["source", "destination"].map((side) => [h("span", { class: `chip ${CUSTODY[m.may_run[side]][1]}` }, `${side} ${CUSTODY[m.may_run[side]][0]}`), " "])),
    h("dl", { class: "facts" }, facts.map(([what, value, more]) => h("div", {}, h("dt", {}, what), h("dd", {}, value, more && h("small", {}, more))))));
}

function differences(those) {
  const rows = MEASURES.map(([name, value, write = String]) => {
    const values = those.map((one) => value(one.m));
    const [first] = values;
    const cells = values.map((one, at) => {
      if (one === null || one === undefined) return h("td", {}, "\u2013");
      const times = at && typeof one === "number" && typeof first === "number" && first && one !== first ? ` (\u00d7${(one / first).toPrecision(3)})` : "";
      return h("td", { class: typeof one === "number" ? "number" : null }, said(write(one)), h("span", { class: "faint" }, times));
    });
    return { differs: values.some((one) => one !== first), node: (kind) => h("tr", { class: kind }, h("td", {}, name), cells) };
  });
  const shown = (differs) => h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}), those.map((one) => h("th", {}, said(one.name))))), h("tbody", {}, rows.filter((row) => row.differs === differs).map((row) => row.node(differs ? "differs" : null)))));
  return [shown(true), h("details", {}, h("summary", {}, "what is the same"), shown(false))];
}

const place = (finding) => [finding.record && `${finding.record}`, finding.frame ? `frame ${finding.frame}` : finding.offset !== null && `offset ${count(finding.offset)}`].filter(Boolean).join(", ");

function findings(those) {
  const byRule = new Map();
  for (const one of those) for (const finding of one.m.findings) byRule.set(finding.rule + finding.severity, [...(byRule.get(finding.rule + finding.severity) || []), { one, finding }]);
  const order = Object.keys(SEVERITY), groups = [...byRule.values()].sort((a, b) => order.indexOf(a[0].finding.severity) - order.indexOf(b[0].finding.severity));
  const left = those.reduce((sum, one) => sum + one.m.findings_left_out, 0);
  if (!groups.length) return [h("p", {}, "No rule of the protocol was broken, as far as the captures show.")];
  return [groups.map((group) => {
    const { rule, severity } = group[0].finding, about = data.rules[rule];
    const go = ({ one, finding }) => h("li", {}, those.length > 1 && [said(one.name, "faint"), " "], said(finding.message), " ", finding.offset !== null && h("button", { onclick: (event) => {
      if (!one.input.table.goTo(finding.migration, DIRECTIONS.indexOf(finding.direction), finding.offset)) event.currentTarget.textContent = "its record is left out";
    } }, place(finding) || "its record"));
    return h("details", { class: `finding ${SEVERITY[severity]}`, open: severity !== "note" },
      h("summary", {}, chip(severity, SEVERITY[severity]), " ", h("b", {}, about.summary), ` \u00b7 ${group.length > 1 ? `${count(group.length)} times \u00b7 ` : ""}`, h("span", { class: "mono" }, rule)),
      h("p", {}, about.why), h("ul", {}, group.slice(0, 8).map(go)),
      group.length > 8 && h("details", {}, h("summary", {}, `${count(group.length - 8)} more`), h("ul", {}, group.slice(8, 500).map(go))));
  }), left ? h("p", { class: "faint" }, `${many(left, "finding")} more were only counted.`) : null];
}

/** Any value of a result as a tree. */
function tree(value) {
  if (value === null || typeof value !== "object") return said(value === null ? "not known" : value, "mono");
  const entries = Object.entries(value);
  if (Array.isArray(value) && value.every((one) => one === null || typeof one !== "object")) return said(value.join(", ") || "none", "mono");
  return h("ul", { class: "tree" }, entries.slice(0, 400).map(([key, one]) => h("li", {}, one !== null && typeof one === "object" && Object.keys(one).length > 6
    ? h("details", {}, h("summary", {}, h("b", {}, said(words(key)))), tree(one)) : [h("b", {}, said(words(key))), tree(one)])));
}

function guest(one) {
  const { guest: g } = one, rows = [];
  const add = (name, value) => value !== null && value !== undefined && value !== "" && rows.push([name, typeof value === "object" ? value : said(value)]);
  if (g.identity) for (const [name, value] of Object.entries(g.identity)) add(words(name), name.endsWith("memory") && value !== null ? `${count(value / 2 ** 20)} MiB` : value);
  add("kind", g.kind);
  add("Xen", g.xen);
  if (g.cpu) add("processor", [g.cpu.vendor, g.cpu.brand].filter(Boolean).join(", "));
  if (g.clock) add("clock", `TSC mode ${g.clock.mode}, ${count(g.clock.khz)} kHz, restored ${count(g.clock.incarnation)} times`);
  const vcpus = g.vcpus.map((each) => [String(each.id), each.mode, each.is_user ? "user" : "kernel", each.interruptible ? "yes" : "no", said(`0x${Number(each.ip).toString(16)}`, "mono"), said(each.flags.join(" "))]);
  const devices = g.devices.map((each) => [said(each.device), String(each.instance), String(each.version), size(each.length)]);
  const rest = Object.fromEntries(["cpu", "msrs", "params", "states"].filter((key) => g[key] && Object.keys(g[key]).length).map((key) => [key, g[key]]));
  return h("section", { class: "card" }, h("h3", {}, said(one.name)), table(null, rows),
    vcpus.length ? table(["vcpu", "mode", "ran", "interrupts", "at", "flags"], vcpus.slice(0, 64)) : null,
    devices.length ? h("details", {}, h("summary", {}, many(devices.length, "device")), table(["device", "instance", "version", "state"], devices)) : null,
    Object.keys(rest).length ? h("details", {}, h("summary", {}, "policies, parameters and states"), tree(rest)) : null);
}

function numbers(one) {
  const { m } = one;
  const phases = m.phases.map((phase) => [phase.name, phase.start_time === null ? "" : duration(phase.end_time - phase.start_time), size(phase.forward), size(phase.reverse), phase.stall ? duration(phase.stall) : ""]);
  const iterations = m.iterations.map((each) => [each.verify ? "verify" : String(each.index), count(each.entries), count(each.data_pages), each.start_time === null ? "" : duration(each.end_time - each.start_time)]);
  const records = Object.entries(m.records).flatMap(([direction, names]) => Object.entries(names).map(([name, number]) => [said(name), direction, count(number)]));
  return h("section", { class: "card" }, h("h3", {}, said(one.name)),
    table(["phase", "took", "forward", "reverse", "stall"], phases),
    iterations.length ? h("details", { open: iterations.length <= 12 }, h("summary", {}, many(iterations.length, "iteration")), table(["iteration", "entries", "sent", "took"], iterations)) : null,
    h("details", {}, h("summary", {}, "records"), table(["record", "direction", "whole ones"], records)),
    h("details", {}, h("summary", {}, "everything that analyze --json says"), tree(m)));
}

const NEW = ["limits", "downtime"]; // results of their own, where the version that wrote the page has them

function section(id, title, note, ...children) {
  const found = children.flat(Infinity).filter(Boolean);
  return found.length ? h("section", { id }, h("h2", {}, title), note && h("p", { class: "faint" }, note), found) : null;
}

const grid = (nodes) => h("div", { class: "side-by-side" }, nodes);
const charts = (those) => (those.length ? grid(those.map((chart) => chart.node)) : null);

const CHARTED = 8;

function migrations() {
  const all = [];
  data.inputs.forEach((input, number) => {
    input.key = number;
    input.name = input.analysis.source.file.split("/").pop();
    for (const m of input.analysis.migrations) {
      const t = input.timelines.find((each) => each.migration === m.id) || null;
      const several = input.analysis.migrations.length > 1;
      const name = `${visible(input.name).slice(0, 80)}${several ? `, migration ${m.id}` : ""}`;
      const begun = Math.min(...m.phases.map((phase) => phase.start_time ?? Infinity));
      const start = Number.isFinite(begun) ? begun : t?.start_time ?? 0;
      const f = input.faults, faults = [];
      f.migration.forEach((of, at) => of === m.id && faults.push({ pfn: f.pfn[at], at: f.time[at] === null ? null : f.time[at] - start, latency: f.latency[at], in_flight: Boolean(f.in_flight[at]), frame: f.frame[at] }));
      all.push({ input, m, t, name, faults, key: all.length, start, guest: input.guests.find((each) => each.migration === m.id) || null });
    }
  });
  return all;
}

function page() {
  const all = migrations();
  const charted = [...all].sort((a, b) => b.m.bytes.forward - a.m.bytes.forward).slice(0, CHARTED).sort((a, b) => a.key - b.key);
  const timed = charted.filter((one) => one.t?.start_time !== null && one.t?.forward.octets.length);
  const end = Math.max(1e-3, ...timed.map((one) => Math.max(one.t.start_time - one.start + one.t.forward.octets.length * one.t.bin, took(one.m) || 0)));
  view.whole = [0, end];
  [view.from, view.to] = view.whole;
  const most = { forward: 1, reverse: 1 };
  for (const one of timed) for (const side of ["forward", "reverse"]) most[side] = Math.max(most[side], ...one.t[side].octets.map((octets) => octets / one.t.bin));
  const mapped = timed.filter((one) => one.t.pages);
  const passes = timed.filter((one) => one.m.iterations.length);
  const rate = Math.max(1, ...passes.flatMap((one) => one.m.iterations.flatMap((each) => [each.sent_pages_per_second || 0, each.dirty_pages_per_second || 0])));
  const faulting = timed.filter((one) => one.faults.some((fault) => fault.latency !== null));
  const waits = faulting.flatMap((one) => one.faults.filter((fault) => fault.latency > 0 && !fault.in_flight).map((fault) => fault.latency));
  const range = waits.length ? [10 ** Math.floor(Math.log10(waits.reduce((a, b) => Math.min(a, b)))), 10 ** Math.ceil(Math.log10(waits.reduce((a, b) => Math.max(a, b))))] : [1e-4, 1];
  if (range[0] === range[1]) range[1] *= 10;
  for (const input of data.inputs) input.table = new Records(input, input.analysis.migrations.length > 1);

  const left = all.length - charted.length;
  const parts = [
    section("summary", all.length > 1 ? `${count(all.length)} migrations` : "Summary", null, data.inputs.flatMap((input) => input.problem ? h("p", { class: "bad" }, said(input.problem)) : []), grid(charted.map(card)),
      left ? h("p", { class: "faint" }, `${many(left, "migration")} more carried less, and are in the numbers only.`) : null),
    all.length > 1 ? section("differences", "What differs", null, differences(charted)) : null,
    section("findings", "Findings", null, findings(all)),
    section("timeline", "The migration as one picture", "All charts over time have one axis: what is zoomed in one is zoomed in all.", charts(timed.map((one) => picture(one, most)))),
    section("memory", "Memory map", null, charts(mapped.map(memoryMap))),
    section("iterations", "Iterations", null, charts(passes.map((one) => rates(one, rate)))),
    section("latency", "Fault latency", null, charts([...faulting.map((one) => latencies(one, range)), ...(waits.length ? [ecdf(faulting, range)] : [])])),
    section("again", "Pages sent again", null, charts(charted.filter((one) => one.t?.pages).flatMap(sentAgain))),
    ...NEW.map((key) => section(key, words(key)[0].toUpperCase() + words(key).slice(1), null, charted.some((one) => one.m[key]) ? grid(charted.filter((one) => one.m[key]).map((one) => h("section", { class: "card" }, h("h3", {}, said(one.name)), tree(one.m[key])))) : null)),
    section("records", "Records", null, data.inputs.map((input) => [data.inputs.length > 1 && h("h3", {}, said(input.name)), input.table.node])),
    section("guest", "Guest", "At the moment it stopped.", charted.some((one) => one.guest) ? grid(charted.filter((one) => one.guest).map(guest)) : null),
    section("numbers", "Numbers", null, grid(charted.map(numbers)),
      table(["file", "format", "size", "packets", "first packet"], data.inputs.map(({ analysis: { source } }) => [said(source.file), source.format, size(source.bytes), count(source.packets), source.first_time === null ? "" : moment(source.first_time)]))),
  ].filter(Boolean);

  const themes = ["auto", "light", "dark"];
  const theme = h("button", { "aria-label": "light or dark", onclick: () => {
    const next = themes[(themes.indexOf(document.documentElement.getAttribute("data-theme") || "auto") + 1) % themes.length];
    next === "auto" ? document.documentElement.removeAttribute("data-theme") : document.documentElement.setAttribute("data-theme", next);
    theme.textContent = next;
  } }, "auto");
  document.getElementById("top").append(h("div", {}, h("b", {}, "xenshark report"),
    h("nav", { "aria-label": "sections" }, parts.map((part) => h("a", { href: `#${part.id}` }, part.querySelector("h2").textContent.replace("The migration as one picture", "Picture")))), theme));
  document.getElementById("report").replaceChildren(...parts, h("footer", { class: "faint" }, `Written by xenshark ${data.version}. Times are the capture's; latency is from a fault's last octet to the last octet of its page's record; downtime is what the wire shows of it.`));
  document.title = `${all.length > 1 ? many(all.length, "migration") : all[0].m.outcome}: ${data.inputs.map((input) => visible(input.name)).join(", ").slice(0, 120)} - xenshark`;
  for (const chart of view.charts) chart.draw();
}

let data = null;

async function start() {
  const octets = Uint8Array.from(atob(document.getElementById("data").textContent), (one) => one.charCodeAt(0));
  const plain = new Blob([octets]).stream().pipeThrough(new DecompressionStream("deflate"));
  data = JSON.parse(await new Response(plain).text());
  page();
  document.documentElement.setAttribute("data-ready", "");
}

start().catch((error) => {
  document.getElementById("report").replaceChildren(h("p", {}, `This browser cannot show the report: ${error.message}. It needs one of 2024 or newer.`));
  throw error;
});
