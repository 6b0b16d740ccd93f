// Charts: axes, zoom, hover, keys, downloads.

const PAD = { left: 88, right: 14, top: 8, bottom: 26 };
const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "paint-order",
];

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

const brief = (seconds) =>
  seconds >= 1
    ? `${+seconds.toPrecision(3)} s`
    : seconds >= 1e-3
      ? `${+(seconds * 1e3).toPrecision(3)} ms`
      : `${+(seconds * 1e6).toPrecision(3)} µs`;
const rated = (n) =>
  n >= 1e9
    ? `${+(n / 1e9).toPrecision(3)} GB/s`
    : n >= 1e6
      ? `${+(n / 1e6).toPrecision(3)} MB/s`
      : n >= 1e3
        ? `${+(n / 1e3).toPrecision(3)} kB/s`
        : `${+n.toPrecision(3)} B/s`;
const compact = (n) =>
  n >= 1e9
    ? `${+(n / 1e9).toPrecision(3)} G`
    : n >= 1e6
      ? `${+(n / 1e6).toPrecision(3)} M`
      : n >= 1e3
        ? `${+(n / 1e3).toPrecision(3)} k`
        : `${+n.toPrecision(3)}`;

/** What part of the time all charts over time show, in seconds since each migration's first octet. */
const view = {
  whole: [0, 1],
  from: 0,
  to: 1,
  charts: new Set(),
  show(from, to) {
    const [low, high] = this.whole,
      least = (high - low) / 1e5;
    if (to - from < least) return;
    this.from = Math.max(low, from);
    this.to = Math.min(high, to);
    for (const chart of this.charts) chart.draw();
  },
  zoom(factor, around = (this.from + this.to) / 2) {
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  },
  move(by) {
    const width = this.to - this.from,
      from = Math.min(Math.max(this.whole[0], this.from + by * width), this.whole[1] - width);
    this.show(from, from + width);
  },
};

const color = (name) => `var(--${name})`;

const NEAR = 7; // pixels between a mark and what points at it

/** A figure: `paint(chart)` draws, `read(at)` says what is at a place of the axis, `rows()` gives the data as a table.
 * `marks`: what leads to a record: `at` is its place on the axis, `y(chart)` that of its point, `words` say what it is,
 * `go()` shows the record, and says whether it is in the report. */
class Chart {
  constructor({ title, note, name, height, paint, read, rows, legend = [], overTime = true, domain, marks = [] }) {
    Object.assign(this, { title, name, height, paint, read, rows, overTime, domain, hidden: new Set() });
    this.chosen = null; // which mark the keys have led to
    this.marks = marks.filter(({ at }) => at !== null).sort((one, other) => one.at - other.at);
    if (this.marks.length) note += " A click on a fault, or Enter, shows its record; Shift and the arrow keys go from fault to fault.";
    this.svg = s("svg", { role: "img", "aria-label": `${title}. ${note || ""}`, tabindex: 0 });
    const keys = legend.map(([key, label]) =>
      h(
        "button",
        {
          "aria-pressed": "true",
          vars: { "--c": `var(--${key})` },
          onclick: (event) => {
            this.hidden.has(key) ? this.hidden.delete(key) : this.hidden.add(key);
            event.currentTarget.setAttribute("aria-pressed", String(!this.hidden.has(key)));
            this.draw();
          },
        },
        h("i"),
        label,
      ),
    );
    const tools = [
      overTime && h("button", { class: "no-print", title: "zoom in (+)", onclick: () => view.zoom(0.5) }, "+"),
      overTime && h("button", { class: "no-print", title: "zoom out (-)", onclick: () => view.zoom(2) }, "\u2212"),
      overTime &&
        h("button", { class: "no-print", title: "all of it (0)", onclick: () => view.show(...view.whole) }, "all"),
      h("button", { class: "no-print", onclick: () => save(`${name}.svg`, "image/svg+xml", this.asSvg()) }, "SVG"),
      h("button", { class: "no-print", onclick: () => save(`${name}.csv`, "text/csv", asCsv(this.rows())) }, "CSV"),
    ];
    this.node = h(
      "figure",
      { id: name },
      h(
        "figcaption",
        {},
        h("h3", {}, said(title)),
        tools,
        keys.length ? h("div", { class: "legend" }, keys) : null,
        note && h("p", {}, said(note)),
      ),
      this.svg,
    );
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
    const inside = s("rect", { x: PAD.left, y: 0, width: width - PAD.left - PAD.right, height: this.height });
    this.svg.append(s("defs", {}, s("clipPath", { id: clip }, inside)));
    this.back = this.svg.appendChild(s("g"));
    this.plot = this.svg.appendChild(s("g", { "clip-path": `url(#${clip})` }));
    this.front = this.svg.appendChild(s("g"));
    this.paint(this);
    if (this.overTime) this.axisX(steps(from, to, width / 110), (at) => `${+at.toFixed(6)} s`);
  }

  get bottom() {
    return this.height - PAD.bottom;
  }

  // What `paint` draws with; colours by the names of page.css.

  axisX(ticks, label, place = this.x) {
    for (const at of ticks) {
      this.back.append(s("path", { class: "grid", d: `M${place(at)} ${PAD.top}V${this.bottom}` }));
      // A label at the right end would stand over it.
      const isLast = place(at) > this.width - 2 * PAD.right;
      const x = isLast ? this.width - 1 : place(at);
      this.back.append(s("text", { x, y: this.bottom + 15, "text-anchor": isLast ? "end" : "middle" }, label(at)));
    }
  }

  axisY(ticks, place, write) {
    for (const at of ticks) {
      this.back.append(s("path", { class: "grid", d: `M${PAD.left} ${place(at)}H${this.width - PAD.right}` }));
      this.label(place(at), write(at));
    }
  }

  label(y, words, kind = null) {
    this.back.append(s("text", { x: PAD.left - 7, y: y + 4, "text-anchor": "end", class: kind }, words));
  }

  lane(y, words) {
    this.label(y, words, "name");
    this.back.append(s("path", { class: "grid", d: `M${PAD.left} ${y + 8}H${this.width - PAD.right}` }));
  }

  /** Where a span of the axis begins, and how wide it is: at least so many pixels. */
  span({ from, to }, least = 1) {
    return [this.x(from), Math.max(least, this.x(to) - this.x(from))];
  }

  rect(x, y, width, height, name, opacity = 1) {
    this.plot.append(s("rect", { x, y, width, height, fill: color(name), "fill-opacity": opacity }));
  }

  text(x, y, words, kind, anchor = "start") {
    this.plot.append(s("text", { x, y, "text-anchor": anchor, class: kind }, words));
  }

  area(d, name, opacity) {
    if (d) this.plot.append(s("path", { d, fill: color(name), "fill-opacity": opacity }));
  }

  stroke(d, name, width, more = { "stroke-linejoin": "round" }) {
    if (d) this.plot.append(s("path", { d, fill: "none", stroke: color(name), "stroke-width": width, ...more }));
  }

  dots(points, name, radius = 2.2) {
    const d = points.map(([x, y]) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`).join("");
    this.stroke(d, name, 2 * radius, { "stroke-linecap": "round", "stroke-opacity": 0.75 });
  }

  /** Steps over bins of time, and the area down to `base`. */
  series(values, start, bin, y, name, base) {
    const first = Math.max(0, Math.floor((this.from - start) / bin));
    const shown = values.slice(first, Math.ceil((this.to - start) / bin));
    if (!shown.length) return;
    const place = (at) => this.x(start + (first + at) * bin).toFixed(2);
    const d = shown.map((value, at) => `V${y(value).toFixed(1)}H${place(at + 1)}`).join("");
    this.area(`M${place(0)} ${base}${d}V${base}Z`, name, 0.22);
    this.stroke(`M${place(0)} ${y(shown[0]).toFixed(1)}${d}`, name, 1.3);
  }

  listen() {
    let dragged = null,
      selection = null;
    const at = (event) =>
      (event.clientX - this.svg.getBoundingClientRect().left) * (this.width / this.svg.getBoundingClientRect().width);
    const height = (event) =>
      (event.clientY - this.svg.getBoundingClientRect().top) * (this.width / this.svg.getBoundingClientRect().width);
    this.svg.addEventListener("pointerdown", (event) => {
      if (this.overTime && event.button === 0) {
        dragged = at(event);
        this.svg.setPointerCapture(event.pointerId);
      }
    });
    this.svg.addEventListener("pointermove", (event) => {
      this.chosen = null;
      this.point(at(event), event.clientX, event.clientY);
      this.svg.classList.toggle("leads", Boolean(this.near(at(event), height(event))));
      if (dragged === null) return;
      selection?.remove();
      const [a, b] = [dragged, at(event)].sort((one, other) => one - other);
      selection = this.front.appendChild(
        s("rect", { class: "selection", x: a, y: 0, width: b - a, height: this.bottom }),
      );
    });
    this.svg.addEventListener("pointerup", (event) => {
      if (dragged !== null) {
        const [a, b] = [dragged, at(event)].sort((one, other) => one - other);
        dragged = null;
        selection?.remove();
        if (b - a > 6) view.show(this.x.back(a), this.x.back(b));
        else this.go(this.near(at(event), height(event)));
      }
    });
    this.svg.addEventListener("dblclick", () => this.overTime && view.show(...view.whole));
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("blur", () => this.leave());
    this.svg.addEventListener(
      "wheel",
      (event) => {
        if (!this.overTime || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        view.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.x.back(at(event)));
      },
      { passive: false },
    );
    const keys = {
      "+": () => view.zoom(0.5),
      "=": () => view.zoom(0.5),
      "-": () => view.zoom(2),
      0: () => view.show(...view.whole),
      PageUp: () => view.move(-0.5),
      PageDown: () => view.move(0.5),
      Escape: () => this.leave(),
      ArrowLeft: (event) => (event.shiftKey ? this.jump(-1) : this.step(-1)),
      ArrowRight: (event) => (event.shiftKey ? this.jump(1) : this.step(1)),
      Enter: () => this.at !== undefined && this.go(this.marks[this.chosen] || this.near(PAD.left + this.at)),
    };
    this.svg.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (
        !act ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        (!this.overTime && !event.key.startsWith("Arrow") && event.key !== "Escape")
      )
        return;
      event.preventDefault();
      act(event);
    });
  }

  /** The mark that is nearest to a place of the picture; none if there is none so near. */
  near(x, y = null) {
    let found = null,
      least = NEAR;
    for (const mark of this.marks) {
      const aside = y === null ? 0 : mark.y(this) - y;
      const distance = Math.hypot(this.x(mark.at) - x, aside);
      if (distance <= least) [found, least] = [mark, distance];
    }
    return found;
  }

  go(mark) {
    if (!mark) return;
    this.leave();
    if (!mark.go()) {
      const x = this.x(mark.at),
        box = this.svg.getBoundingClientRect();
      this.tell(box.left + (x * box.width) / this.width, box.top + 20, [["fault", "its record is left out"]]);
    }
  }

  /** To the next mark, or the one before: one after the other, also where several are at one place. */
  jump(by) {
    const here = this.at === undefined ? this.from : this.x.back(PAD.left + this.at);
    const after = this.marks.findIndex((mark) => mark.at >= here);
    const [next, before] = after < 0 ? [this.marks.length, this.marks.length - 1] : [after, after - 1];
    const to = this.chosen === null ? (by > 0 ? next : before) : this.chosen + by;
    const mark = this.marks[to];
    if (!mark) return;
    if (mark.at < this.from || mark.at > this.to)
      view.move((mark.at - (this.from + this.to) / 2) / (this.to - this.from));
    this.at = this.x(mark.at) - PAD.left;
    this.chosen = to;
    this.pointAt();
  }

  step(by) {
    const width = this.width - PAD.left - PAD.right;
    this.at = Math.min(width, Math.max(0, (this.at ?? width / 2) + (by * width) / 100));
    this.chosen = null;
    this.pointAt();
  }

  /** Where the keys have led to. */
  pointAt() {
    const box = this.svg.getBoundingClientRect();
    const x = PAD.left + this.at;
    this.point(x, box.left + (x * box.width) / this.width, box.top + 20);
  }

  point(x, clientX, clientY) {
    this.line?.remove();
    if (x < PAD.left || x > this.width - PAD.right) return this.leave();
    const mark = this.marks[this.chosen];
    const found = mark ? [clock(mark.at), ["fault", mark.words]] : this.read(this.x.back(x), this);
    if (!found) return this.leave();
    this.line = this.front.appendChild(s("line", { class: "cursor", x1: x, x2: x, y1: 0, y2: this.bottom }));
    return this.tell(clientX, clientY, found);
  }

  /** Shows rows of what and value at a place of the window. */
  tell(clientX, clientY, found) {
    const tip = document.getElementById("tip");
    tip.replaceChildren(
      h(
        "table",
        {},
        found.map(([what, value]) => h("tr", {}, h("td", { class: "dim" }, said(what)), h("td", {}, said(value)))),
      ),
    );
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = clientX + 16 + box.width > innerWidth ? clientX - 16 - box.width : clientX + 16;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, Math.min(clientY + 14, innerHeight - box.height - 4))}px`;
  }

  leave() {
    this.line?.remove();
    document.getElementById("tip").hidden = true;
  }

  /** The picture by itself, for paper: light, and every style in the elements. */
  asSvg() {
    const root = document.documentElement,
      theme = root.getAttribute("data-theme");
    root.setAttribute("data-theme", "light");
    this.leave();
    const copy = this.svg.cloneNode(true);
    const own = [this.svg, ...this.svg.querySelectorAll("*")],
      copies = [copy, ...copy.querySelectorAll("*")];
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
