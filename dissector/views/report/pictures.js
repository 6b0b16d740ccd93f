// Charts over time. `one` is a migration, see `migrations` in sections.js.

const onAxis = (one) => (each) => ({ ...each, from: each.start_time - one.start, to: each.end_time - one.start });
const hex = (number) => `0x${number.toString(16)}`;
const sum = (values) => values.reduce((total, value) => total + value, 0);
const both = (t, key) => t.forward[key].map((octets, bin) => octets + t.reverse[key][bin]);
const clock = (time) => ["time", `${time.toFixed(6)} s`];

const LANES = { phases: 18, iterations: 42, faults: 294, again: 310, lost: 326, stalls: 342, stopped: 358 };
const FORWARD = [214, 64];
const REVERSE = [276, 230];

function picture(one, most) {
  const { m, t, faults } = one;
  const bin = t.bin;
  const start = t.start_time - one.start;
  const forward = t.forward.octets.map((octets) => octets / bin);
  const reverse = t.reverse.octets.map((octets) => octets / bin);
  const again = both(t, "retransmitted");
  const lost = both(t, "not_captured");
  const phases = m.phases.map(onAxis(one));
  const iterations = m.iterations.map(onAxis(one));
  const stalls = t.stalls.map((each) => onAxis(one)({ ...each, end_time: each.start_time + each.duration }));

  const since = (moment) => moment.time - one.start;
  const stopped = [
    ["earliest", "latest", 0.35],
    ["from_record", "to_record", 1],
  ].flatMap(([begin, end, opacity]) => {
    const [from, to] = [m.downtime?.[begin], m.downtime?.[end]];
    return from && to ? [{ from: since(from), to: since(to), opacity }] : [];
  });

  /** Marks in the bins that have any octets. */
  function marks(chart, values, lane, name) {
    const d = values.map((octets, place) =>
      octets ? `M${chart.x(start + (place + 0.5) * bin).toFixed(1)} ${lane - 5}v10` : "",
    );
    chart.stroke(d.join(""), name, Math.max(1.5, Math.min(6, chart.x(bin) - chart.x(0))));
  }

  return new Chart({
    title: one.name,
    name: `migration-${one.key}`,
    height: stopped.length ? 396 : 380,
    note: `Octets a second in bins of ${duration(bin)}. Drag, Ctrl and wheel, or + and - to zoom; double click or 0 for all; arrow keys read values.`,
    marks: faults.map((fault) => leading(fault, fault.at, () => LANES.faults)),
    paint(chart) {
      for (const phase of phases) {
        const [left, width] = chart.span(phase);
        chart.rect(left, 0, width, chart.bottom, phase.name, 0.08);
        chart.rect(left, LANES.phases - 10, width, 20, phase.name, 0.75);
        const from = Math.max(left, PAD.left);
        const to = Math.min(left + width, chart.width - PAD.right);
        if (to - from > 6.6 * phase.name.length)
          chart.text((from + to) / 2, LANES.phases + 4, phase.name, "band", "middle");
      }
      iterations.forEach((each, index) => {
        const [left, width] = chart.span(each);
        chart.rect(
          left,
          LANES.iterations - 8,
          width,
          16,
          each.verify ? "checkpoint" : "precopy",
          index % 2 ? 0.35 : 0.55,
        );
        if (width > 22)
          chart.text(left + width / 2, LANES.iterations + 4, each.verify ? "verify" : each.index, "name", "middle");
      });
      const up = scale(0, most.forward, ...FORWARD);
      const down = scale(0, most.reverse, ...REVERSE);
      chart.axisY(steps(0, most.forward, 4), up, rated);
      chart.axisY([0, most.reverse], down, rated);
      chart.series(forward, start, bin, up, "forward", FORWARD[0]);
      chart.series(reverse, start, bin, down, "reverse", REVERSE[0]);
      chart.text(PAD.left + 6, FORWARD[1] + 8, "forward", "label");
      chart.text(PAD.left + 6, REVERSE[1] + 8, "reverse", "label");
      for (const inFlight of [false, true]) {
        const those = faults.filter((fault) => fault.in_flight === inFlight && fault.at !== null);
        const d = those.map((fault) => `M${chart.x(fault.at).toFixed(1)} ${LANES.faults - 6}v12`);
        chart.stroke(d.join(""), inFlight ? "flight" : "fault", 1.4);
      }
      marks(chart, again, LANES.again, "again");
      marks(chart, lost, LANES.lost, "lost");
      for (const each of stopped)
        chart.rect(chart.span(each)[0], LANES.stopped - 5, chart.span(each)[1], 10, "stop", each.opacity);
      for (const stall of stalls) chart.rect(chart.span(stall)[0], LANES.stalls - 5, chart.span(stall)[1], 10, "stall");
      const labels = {
        phases: "phases",
        iterations: iterations.length ? "iterations" : "",
        faults: "faults",
        again: "retransmitted",
        lost: "not captured",
        stalls: "stalls",
        ...(stopped.length && { stopped: "guest stopped" }),
      };
      for (const [lane, label] of Object.entries(labels)) chart.lane(LANES[lane], label);
    },
    read(time, chart) {
      const found = [clock(time)];
      const here = (each) => each.from <= time && time <= each.to;
      const near = chart.x.back(5) - chart.x.back(0);
      const phase = phases.find(here);
      const iteration = iterations.find(here);
      const stall = stalls.find(here);
      const place = Math.floor((time - start) / bin);
      const hit = faults.filter((fault) => fault.at !== null && Math.abs(fault.at - time) <= near);
      if (phase)
        found.push(["phase", `${phase.name}, ${duration(phase.to - phase.from)}, ${size(phase.forward)} forward`]);
      if (iteration)
        found.push([
          iteration.verify ? "verify" : `iteration ${iteration.index}`,
          `${many(iteration.entries, "entry", "entries")}, ${count(iteration.data_pages)} sent`,
        ]);
      if (place >= 0 && place < forward.length) {
        found.push(["forward", `${size(forward[place])}/s`], ["reverse", `${size(reverse[place])}/s`]);
        if (again[place]) found.push(["retransmitted", size(again[place])]);
        if (lost[place]) found.push(["not captured", size(lost[place])]);
      }
      if (stall) found.push(["stall", duration(stall.duration)]);
      if (stopped.some(here))
        found.push(["guest", stopped.findLast(here).opacity === 1 ? "stopped" : "may have been stopped"]);
      if (hit.length === 1) found.push(["fault", `pfn ${hit[0].pfn}, ${fate(hit[0])}`]);
      else if (hit.length) found.push(["faults", count(hit.length)]);
      return found;
    },
    rows() {
      const head =
        "start_s forward_octets reverse_octets forward_retransmitted reverse_retransmitted forward_not_captured reverse_not_captured phase";
      const columns = ["octets", "retransmitted", "not_captured"].flatMap((key) => [t.forward[key], t.reverse[key]]);
      const bins = forward.map((_, place) => {
        const from = start + place * bin;
        const phase = phases.findLast((each) => each.from <= from) || phases[0];
        return [from, ...columns.map((column) => column[place]), phase.name];
      });
      return [head.split(" "), ...bins];
    },
  });
}

function fate(fault) {
  if (fault.latency === null) return "never answered";
  return fault.in_flight ? "in flight already" : `answered after ${duration(fault.latency)}`;
}

/** A fault as a mark of a chart. */
const leading = (fault, at, y) => ({ at, y, go: fault.go, words: `pfn ${fault.pfn}, ${fate(fault)}` });

const USES = ["sent", "sent_again", "announced", "pushed", "answered", "faulted"];
const USED = { sent: "first sent", sent_again: "sent again", announced: "announced with a page" };
const used = (use) => USED[use] || words(use);
const LEVELS = 4; // of how many pages a cell has

function memoryMap(one) {
  const map = one.t.pages;
  const start = map.start_time - one.start;
  const uses = new Map(
    USES.map((use) => [use, map.uses.find((each) => each.use === use)]).filter(([, found]) => found),
  );
  const most = Math.max(...map.uses.map((use) => use.pages.reduce((a, b) => Math.max(a, b))));
  const never = sum(map.never_came);
  const height = Math.max(180, Math.min(420, 3 * map.rows.length)) + PAD.top + PAD.bottom;
  const legend = [...uses].map(([use, { pages }]) => [use, `${used(use)} ${count(sum(pages))}`]);
  if (never) legend.push(["never", `never came ${count(never)}`]);
  const rowOf = (pfn) => map.rows.findLastIndex((first) => first <= pfn);
  const upwards = (chart) => scale(0, map.rows.length, chart.bottom, PAD.top);
  const marks = one.faults
    .filter(({ at }) => at !== null)
    .map((fault) => {
      const dot = start + (Math.floor((fault.at - start) / map.bin) + 0.5) * map.bin;
      return leading(fault, dot, (chart) => upwards(chart)(rowOf(fault.pfn) + 0.5));
    });

  function cells(chart, use, { rows, bins, pages }, y, tall) {
    if (use === "faulted") {
      // A few among many pages: dots hide nothing.
      return chart.dots(
        rows.map((row, cell) => [chart.x(start + (bins[cell] + 0.5) * map.bin), y(row + 0.5)]),
        use,
        1.6,
      );
    }
    const paths = Array.from({ length: LEVELS }, () => []);
    rows.forEach((row, cell) => {
      const [left, width] = chart.span(
        { from: start + bins[cell] * map.bin, to: start + (bins[cell] + 1) * map.bin },
        1.5,
      );
      const level = Math.ceil(LEVELS * Math.sqrt(pages[cell] / most));
      paths[level - 1].push(
        `M${left.toFixed(1)} ${y(row + 1).toFixed(1)}h${width.toFixed(1)}v${tall}h${-width.toFixed(1)}z`,
      );
    });
    return paths.forEach((d, level) => chart.area(d.join(""), use, 0.4 + (0.6 * (level + 1)) / LEVELS));
  }

  return new Chart({
    title: one.name,
    name: `memory-${one.key}`,
    height,
    legend,
    note: `Pfns upwards, ${many(map.row_size, "pfn")} a row, ${duration(map.bin)} a column; rows without pages are left out. The darker, the more pages.`,
    marks,
    paint(chart) {
      const y = upwards(chart);
      const tall = Math.max(1, (chart.bottom - PAD.top) / map.rows.length).toFixed(2);
      const right = chart.width - PAD.right;
      for (const [use, found] of uses) if (!chart.hidden.has(use)) cells(chart, use, found, y, tall);
      if (!chart.hidden.has("never")) {
        const d = map.never_came.map((pages, row) =>
          pages ? `M${right - 7} ${y(row + 1).toFixed(1)}h7v${tall}h-7z` : "",
        );
        chart.area(d.join(""), "never", 1);
      }
      const every = Math.ceil(map.rows.length / 7);
      map.rows.forEach((pfn, row) => {
        const isBroken = row && pfn - map.rows[row - 1] !== map.row_size;
        if (isBroken) chart.back.append(s("path", { class: "broken", d: `M${PAD.left} ${y(row)}H${right}` }));
        if (row % every === 0) chart.label(y(row), hex(pfn));
      });
    },
    read(time) {
      const bin = map.start_time === null ? 0 : Math.floor((time - start) / map.bin);
      const found = [clock(time)];
      const touched = [];
      for (const [use, { rows, bins, pages }] of uses) {
        const here = rows.map((row, cell) => [row, cell]).filter(([, cell]) => bins[cell] === bin);
        if (here.length) found.push([used(use), many(sum(here.map(([, cell]) => pages[cell])), "page")]);
        touched.push(...here.map(([row]) => row));
      }
      if (touched.length)
        found.push([
          "pfns",
          `${hex(map.rows[Math.min(...touched)])} to ${hex(map.rows[Math.max(...touched)] + map.row_size - 1)}`,
        ]);
      return found;
    },
    rows() {
      const used = map.uses.flatMap(({ use, rows, bins, pages }) =>
        rows.map((row, cell) => [use, map.rows[row], map.row_size, start + bins[cell] * map.bin, map.bin, pages[cell]]),
      );
      const missing = map.never_came.flatMap((pages, row) =>
        pages ? [["never_came", map.rows[row], map.row_size, "", "", pages]] : [],
      );
      return [["use", "first_pfn", "pfns", "start_s", "width_s", "pages"], ...used, ...missing];
    },
  });
}

function rates(one, most) {
  const iterations = one.m.iterations.map(onAxis(one));
  const found = one.m.convergence;
  const best = found?.best_stop;
  const gain = Number.isInteger(best) ? ` What came after iteration ${best} gained nothing.` : "";
  const written = (rate) => (rate === null ? "rate not known" : `${count(rate)} pages/s`);
  const kinds = [
    ["sent_pages_per_second", "precopy", 0.22],
    ["dirty_pages_per_second", "stop", 0.3],
  ];
  return new Chart({
    title: one.name,
    name: `iterations-${one.key}`,
    height: 210,
    legend: [
      ["precopy", "sent, pages/s"],
      ["stop", "dirtied meanwhile, pages/s"],
    ],
    note:
      found &&
      `Precopy ${found.converging ? "converged" : "did not converge"}: at last the guest wrote to ${written(found.dirty_pages_per_second)}, and ${written(found.sent_pages_per_second)} were sent.${gain}`,
    paint(chart) {
      const y = scale(0, most, chart.bottom, PAD.top + 8);
      chart.axisY(steps(0, most, 4), y, compact);
      for (const each of iterations) {
        const [left, width] = chart.span(each, 1.5);
        for (const [key, name, opacity] of kinds) {
          if (each[key] === null || chart.hidden.has(name)) continue;
          chart.rect(left, y(each[key]), width, chart.bottom - y(each[key]), name, opacity);
          chart.stroke(`M${left} ${y(each[key])}h${width}`, name, 2.2);
        }
        if (width > 16)
          chart.text(left + width / 2, chart.bottom - 4, each.verify ? "verify" : each.index, "name", "middle");
      }
    },
    read(time) {
      const each = iterations.find(({ from, to }) => from <= time && time <= to);
      if (!each) return null;
      return [
        [each.verify ? "verify" : "iteration", each.index],
        ["entries", count(each.entries)],
        ...(Number.isInteger(each.outstanding_pages) ? [["left", many(each.outstanding_pages, "page")]] : []),
        ["pages", count(each.data_pages)],
        ["took", duration(each.to - each.from)],
        ["sent", written(each.sent_pages_per_second)],
        ["dirtied", written(each.dirty_pages_per_second)],
      ];
    },
    rows() {
      const keys = ["entries", "data_pages", "sent_pages_per_second", "dirty_pages_per_second", "octets_per_second"];
      return [
        ["index", "verify", "start_s", "end_s", ...keys],
        ...iterations.map((each) => [each.index, each.verify, each.from, each.to, ...keys.map((key) => each[key])]),
      ];
    },
  });
}
