// Charts of faults, and of pages sent again. `one` is a migration, see `migrations` in sections.js.

const FLYING = 197; // the lane of faults whose page was in flight already

function latencies(one, [low, high]) {
  const timed = one.faults.filter((fault) => fault.latency !== null && fault.at !== null);
  const waited = timed.filter((fault) => !fault.in_flight);
  const flying = timed.filter((fault) => fault.in_flight);
  const logarithm = scale(Math.log10(low), Math.log10(high), FLYING - 19, PAD.top + 6);
  const place = (latency) => logarithm(Math.log10(Math.max(latency, low)));
  return new Chart({
    title: one.name,
    name: `latency-${one.key}`,
    height: 236,
    legend: [
      ["fault", `waited ${count(waited.length)}`],
      ["flight", `in flight already ${count(flying.length)}`],
    ],
    note: "Each fault when it was sent, and how long its page took; pages that were in flight already are apart, below.",
    marks: timed.map((fault) => leading(fault, fault.at, () => (fault.in_flight ? FLYING : place(fault.latency)))),
    paint(chart) {
      chart.axisY(powers(low, high), place, brief);
      if (!chart.hidden.has("fault"))
        chart.dots(
          waited.map((fault) => [chart.x(fault.at), place(fault.latency)]),
          "fault",
        );
      if (!chart.hidden.has("flight"))
        chart.dots(
          flying.map((fault) => [chart.x(fault.at), FLYING]),
          "flight",
        );
      chart.lane(FLYING, "in flight");
    },
    read(time, chart) {
      const distance = (fault) => Math.abs(fault.at - time);
      const near = chart.x.back(6) - chart.x.back(0);
      const hit = timed.filter((fault) => distance(fault) <= near).sort((a, b) => distance(a) - distance(b));
      return [
        clock(hit.length ? hit[0].at : time),
        ...hit.slice(0, 4).map((fault) => [`pfn ${fault.pfn}`, fate(fault)]),
      ];
    },
    rows: () => [
      ["pfn", "time_s", "latency_s", "in_flight", "frame"],
      ...one.faults.map((fault) => [fault.pfn, fault.at, fault.latency, fault.in_flight, fault.frame]),
    ],
  });
}

const CURVES = ["forward", "reverse", "pushed", "again", "checkpoint", "answered", "fault", "stall"];

function ecdf(those, [low, high]) {
  const waits = (one) =>
    one.faults.filter((fault) => fault.latency !== null && !fault.in_flight).map((fault) => fault.latency);
  const curves = those
    .map((one) => ({ label: one.name, values: waits(one).sort((a, b) => a - b) }))
    .filter(({ values }) => values.length);
  curves.forEach((curve, index) => {
    curve.name = CURVES[index % CURVES.length];
  });
  return new Chart({
    title: "Distribution of latency (ECDF)",
    name: "latency-ecdf",
    height: 260,
    overTime: false,
    domain: [Math.log10(low), Math.log10(high)],
    legend: curves.length > 1 ? curves.map(({ name, label }) => [name, label]) : [],
    note: "The part of the faults that were answered within a time, of those whose page was not in flight already.",
    paint(chart) {
      const y = scale(0, 1, chart.bottom, PAD.top + 4);
      const x = (latency) => chart.x(Math.log10(Math.max(latency, low)));
      chart.axisY([0, 0.25, 0.5, 0.75, 0.95, 1], y, (part) => `${100 * part} %`);
      chart.axisX(powers(low, high), brief, x);
      for (const { name, values } of curves) {
        if (chart.hidden.has(name)) continue;
        const d = values.map((value, rank) => `H${x(value).toFixed(1)}V${y((rank + 1) / values.length).toFixed(1)}`);
        chart.stroke(`M${PAD.left} ${y(0)}${d.join("")}H${chart.width - PAD.right}`, name, 1.8);
      }
    },
    read(exponent) {
      const within = 10 ** exponent;
      return [
        ["within", brief(within)],
        ...curves.map(({ label, values }) => [
          label,
          percent(values.filter((value) => value <= within).length / values.length),
        ]),
      ];
    },
    rows: () => [
      ["migration", "latency_s", "part"],
      ...curves.flatMap(({ label, values }) => values.map((value, rank) => [label, value, (rank + 1) / values.length])),
    ],
  });
}

/** Bars; `label` names one of them, `tell` says what it stands for. */
function bars({ title, name, note, values, most, label, tell, fill, head }) {
  return new Chart({
    title,
    name,
    note,
    height: 190,
    overTime: false,
    domain: [0, values.length],
    paint(chart) {
      const y = scale(0, most, chart.bottom, PAD.top + 8);
      const every = Math.ceil(values.length / (chart.width / 70));
      chart.axisY(steps(0, most, 3), y, compact);
      values.forEach((value, index) => {
        const [left, width] = chart.span({ from: index, to: index + 1 });
        const gap = width > 6 ? 0.12 * width : 0;
        chart.rect(left + gap, y(value), width - 2 * gap, chart.bottom - y(value), fill);
        if (index % every === 0)
          chart.back.append(
            s("text", { x: left + width / 2, y: chart.bottom + 15, "text-anchor": "middle" }, label(index)),
          );
      });
    },
    read(place) {
      const index = Math.floor(place);
      return index >= 0 && index < values.length ? tell(index) : null;
    },
    rows: () => [head, ...values.map((value, index) => [label(index), value])],
  });
}

const largest = (values) => values.reduce((a, b) => Math.max(a, b), 1);

/** How often pages were sent, of each migration, and then where those are that were sent again: on the same axes. */
function sentAgain(those) {
  const again = those.filter((one) => one.t.pages.uses.some(({ use }) => use === "sent_again"));
  const known = again.filter((one) => one.t.pages.times_sent);
  const where = again.map(({ t: { pages } }) => {
    const found = pages.rows.map(() => 0);
    const { rows, pages: counts } = pages.uses.find(({ use }) => use === "sent_again");
    rows.forEach((row, cell) => {
      found[row] += counts[cell];
    });
    return found;
  });
  const often = (index) => `${index + 1}${index === 30 ? "+" : ""}`;
  const charts = known.map((one) =>
    bars({
      title: `${one.name}: how often`,
      name: `again-often-${one.key}`,
      note: "How many pages precopy sent once, twice, and so on.",
      values: one.t.pages.times_sent,
      most: largest(known.flatMap((each) => each.t.pages.times_sent)),
      label: (index) => `${often(index)}\u00d7`,
      fill: "sent",
      head: ["times", "pages"],
      tell: (index) => [
        ["sent", `${often(index)} times`],
        ["pages", count(one.t.pages.times_sent[index])],
      ],
    }),
  );
  again.forEach((one, number) => {
    const { rows, row_size } = one.t.pages;
    charts.push(
      bars({
        title: `${one.name}: where`,
        name: `again-where-${one.key}`,
        note: `Pages sent again, by pfn: ${many(row_size, "pfn")} a bar.`,
        values: where[number],
        most: largest(where.flat()),
        label: (index) => hex(rows[index]),
        fill: "sent_again",
        head: ["first_pfn", "sent_again"],
        tell: (index) => [
          ["pfns", `${hex(rows[index])} to ${hex(rows[index] + row_size - 1)}`],
          ["sent again", count(where[number][index])],
        ],
      }),
    );
  });
  return charts;
}
