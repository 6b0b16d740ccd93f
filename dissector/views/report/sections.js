// The sections of the page, and its beginning.

const OUTCOMES = { completed: "good", failed: "bad", failover: "warn", incomplete: "warn" };
const CUSTODY = {
  yes: ["may run the guest", "good"],
  no: ["must not run the guest", "dim"],
  undefined: ["may or may not run the guest: look there", "bad"],
};
const SEVERITY = { error: "bad", warning: "warn", note: "dim" };

const took = (m) => LASTED.get(m) ?? null;
const LASTED = new WeakMap(); // seconds, by the migration
/** A clock that is set back makes no time negative. */
const between = (each) => (each.start_time === null ? "" : duration(Math.max(0, each.end_time - each.start_time)));
const stopped = (m) => m.downtime?.at_least ?? m.postcopy?.downtime ?? null;

/** What is compared: name, value, how it is written. */
const MEASURES = [
  ["outcome", (m) => m.outcome],
  ["kind", (m) => m.kind],
  ["source may run", (m) => m.may_run.source],
  ["destination may run", (m) => m.may_run.destination],
  ["duration", took, duration],
  ["downtime at least", stopped, duration],
  ["downtime at most", (m) => m.downtime?.at_most ?? null, duration],
  ["forward", (m) => m.bytes.forward, size],
  ["reverse", (m) => m.bytes.reverse, size],
  ["retransmitted", (m) => (m.retransmitted.forward || 0) + (m.retransmitted.reverse || 0), size],
  ["not captured", (m) => m.gaps.reduce((sum, gap) => sum + gap.length, 0), size],
  ["iterations", (m) => m.iterations.length, count],
  ["converged", (m) => (m.convergence ? (m.convergence.converging ? "yes" : "no") : null)],
  ["dirty rate at last", (m) => m.convergence?.dirty_pages_per_second ?? null, (n) => `${count(n)} pages/s`],
  ["sent rate at last", (m) => m.convergence?.sent_pages_per_second ?? null, (n) => `${count(n)} pages/s`],
  ["pages sent by precopy", (m) => m.pages.data_pages, count],
  ["of them again", (m) => m.pages.sent_again, count],
  ["pfns", (m) => m.pages.unique_pfns, count],
  ["announced", (m) => m.postcopy?.announced ?? null, count],
  ["faulted pfns", (m) => m.postcopy?.faulted_pfns ?? null, count],
  ["in flight already", (m) => m.postcopy?.in_flight ?? null, count],
  ["pushed", (m) => m.postcopy?.pushed ?? null, count],
  ["never came", (m) => m.postcopy?.never_sent ?? null, count],
  ["unanswered", (m) => m.postcopy?.unanswered ?? null, count],
  ["latency, median", (m) => m.postcopy?.latency?.median ?? null, duration],
  ["latency, 95 %", (m) => m.postcopy?.latency?.p95 ?? null, duration],
  ["latency, largest", (m) => m.postcopy?.latency?.max ?? null, duration],
  ["postcopy took", (m) => m.postcopy?.duration ?? null, duration],
  ["errors", (m) => m.findings.filter((one) => one.severity === "error").length, count],
  ["warnings", (m) => m.findings.filter((one) => one.severity === "warning").length, count],
  ["guest", (m) => m.guest.name, visible],
  ["guest's type", (m) => m.guest.type, visible],
  ["vcpus", (m) => m.guest.vcpus, count],
  ["memory", (m) => m.guest.memory, (n) => `${count(n / 2 ** 20)} MiB`],
  ["toolstack", (m) => m.guest.toolstack],
  ["Xen", (m) => m.stream.xen, visible],
];

function card(one) {
  const { m } = one;
  const facts = [["took", duration(took(m))]];
  if (stopped(m) !== null) {
    const most = m.downtime?.at_most ?? null;
    facts.push(["downtime", duration(stopped(m)), most === null ? "at least" : `at least; at most ${duration(most)}`]);
  }
  facts.push(
    ["forward", size(m.bytes.forward)],
    ["pages", count(m.pages.data_pages), m.pages.sent_again ? `${count(m.pages.sent_again)} of them again` : null],
  );
  if (m.iterations.length)
    facts.push([
      "iterations",
      count(m.iterations.length),
      m.convergence && (m.convergence.converging ? "converged" : "did not converge"),
    ]);
  if (m.postcopy) facts.push(["faults", count(m.postcopy.faulted_pfns), `${count(m.postcopy.unanswered)} unanswered`]);
  if (m.postcopy?.latency?.median) facts.push(["latency", duration(m.postcopy.latency.median), "median"]);
  const who = [
    m.guest.name && `guest ${m.guest.name}`,
    m.guest.type?.toUpperCase(),
    m.guest.vcpus && many(m.guest.vcpus, "vcpu"),
    m.guest.memory && `${count(m.guest.memory / 2 ** 20)} MiB`,
    m.guest.toolstack && `by ${m.guest.toolstack}`,
    m.stream.xen && `Xen ${m.stream.xen}`,
  ];
  return h(
    "section",
    { class: "card", "data-migration": one.key },
    h("div", { class: "who faint" }, said(one.name)),
    h("h1", {}, chip(m.outcome, OUTCOMES[m.outcome]), " ", said(sentence(m.verdict))),
    h(
      "p",
      {},
      m.flow
        ? [
            h("span", { class: "mono" }, said(endpoint(m.flow.source))),
            " \u2192 ",
            h("span", { class: "mono" }, said(endpoint(m.flow.destination))),
          ]
        : "a file, no capture",
      ` \u00b7 ${m.kind}`,
    ),
    h("p", { class: "faint" }, said(who.filter(Boolean).join(", ") || "the stream does not say which guest")),
    h(
      "p",
      {},
      ["source", "destination"].map((side) => [
        h("span", { class: `chip ${CUSTODY[m.may_run[side]][1]}` }, `${side} ${CUSTODY[m.may_run[side]][0]}`),
        " ",
      ]),
    ),
    h(
      "dl",
      { class: "facts" },
      facts.map(([what, value, more]) =>
        h("div", {}, h("dt", {}, what), h("dd", {}, value, more && h("small", {}, more))),
      ),
    ),
  );
}

function differences(those) {
  const rows = MEASURES.map(([name, value, write = String]) => {
    const values = those.map((one) => value(one.m));
    const [first] = values;
    const cells = values.map((one, at) => {
      if (one === null || one === undefined) return h("td", {}, "\u2013");
      const times =
        at && typeof one === "number" && typeof first === "number" && first && one && one !== first
          ? ` (\u00d7${(one / first).toPrecision(3)})`
          : "";
      return h(
        "td",
        { class: typeof one === "number" ? "number" : null },
        said(write(one)),
        h("span", { class: "faint" }, times),
      );
    });
    return {
      differs: values.some((one) => one !== first),
      node: (kind) => h("tr", { class: kind }, h("td", {}, name), cells),
    };
  });
  const shown = (differs) =>
    h(
      "div",
      { class: "scroll" },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", {}),
            those.map((one) => h("th", {}, said(one.name))),
          ),
        ),
        h(
          "tbody",
          {},
          rows.filter((row) => row.differs === differs).map((row) => row.node(differs ? "differs" : null)),
        ),
      ),
    );
  return [shown(true), h("details", {}, h("summary", {}, "what is the same"), shown(false))];
}

const place = (finding) =>
  [
    finding.record && `${finding.record}`,
    finding.frame ? `frame ${finding.frame}` : finding.offset !== null && `offset ${count(finding.offset)}`,
  ]
    .filter(Boolean)
    .join(", ");

function findings(those) {
  const byRule = new Map();
  for (const one of those)
    for (const finding of one.m.findings)
      byRule.set(finding.rule + finding.severity, [
        ...(byRule.get(finding.rule + finding.severity) || []),
        { one, finding },
      ]);
  const order = Object.keys(SEVERITY),
    groups = [...byRule.values()].sort(
      (a, b) => order.indexOf(a[0].finding.severity) - order.indexOf(b[0].finding.severity),
    );
  const left = those.reduce((sum, one) => sum + one.m.findings_left_out, 0);
  if (!groups.length) return [h("p", {}, "No rule of the protocol was broken, as far as the captures show.")];
  return [
    groups.map((group) => {
      const { rule, severity } = group[0].finding,
        about = data.rules[rule];
      const go = ({ one, finding }) =>
        h(
          "li",
          {},
          those.length > 1 && [said(one.name, "faint"), " "],
          said(finding.message),
          " ",
          finding.offset !== null &&
            h(
              "button",
              {
                onclick: (event) => {
                  if (!one.input.table.goTo(finding.migration, DIRECTIONS.indexOf(finding.direction), finding.offset))
                    event.currentTarget.textContent = "its record is left out";
                },
              },
              place(finding) || "its record",
            ),
        );
      return h(
        "details",
        { class: `finding ${SEVERITY[severity]}`, open: severity !== "note" },
        h(
          "summary",
          {},
          chip(severity, SEVERITY[severity]),
          " ",
          h("b", {}, about.summary),
          ` \u00b7 ${group.length > 1 ? `${count(group.length)} times \u00b7 ` : ""}`,
          h("span", { class: "mono" }, rule),
        ),
        h("p", {}, about.why),
        h("p", { class: "advice" }, h("b", {}, "What to do: "), about.advice),
        h("ul", {}, group.slice(0, 8).map(go)),
        group.length > 8 &&
          h(
            "details",
            {},
            h("summary", {}, `${count(group.length - 8)} more`),
            h("ul", {}, group.slice(8, 500).map(go)),
          ),
      );
    }),
    left ? h("p", { class: "faint" }, `${many(left, "finding")} more were only counted.`) : null,
  ];
}

/** Any value of a result as a tree. */
function tree(value) {
  if (value === null || typeof value !== "object") return said(value === null ? "not known" : value, "mono");
  const entries = Object.entries(value);
  if (Array.isArray(value) && value.every((one) => one === null || typeof one !== "object"))
    return said(value.join(", ") || "none", "mono");
  return h(
    "ul",
    { class: "tree" },
    entries
      .slice(0, 400)
      .map(([key, one]) =>
        h(
          "li",
          {},
          one !== null && typeof one === "object" && Object.keys(one).length > 6
            ? h("details", {}, h("summary", {}, h("b", {}, said(words(key)))), tree(one))
            : [h("b", {}, said(words(key))), tree(one)],
        ),
      ),
  );
}

function guest(one) {
  const { guest: g } = one,
    rows = [];
  const add = (name, value) =>
    value !== null &&
    value !== undefined &&
    value !== "" &&
    rows.push([name, typeof value === "object" ? value : said(value)]);
  if (g.identity)
    for (const [name, value] of Object.entries(g.identity))
      add(words(name), name.endsWith("memory") && value !== null ? `${count(value / 2 ** 20)} MiB` : value);
  add("kind", g.kind);
  add("Xen", g.xen);
  if (g.cpu) add("processor", [g.cpu.vendor, g.cpu.brand].filter(Boolean).join(", "));
  if (g.clock)
    add("clock", `TSC mode ${g.clock.mode}, ${count(g.clock.khz)} kHz, restored ${count(g.clock.incarnation)} times`);
  const vcpus = g.vcpus.map((each) => [
    String(each.id),
    each.mode,
    each.is_user ? "user" : "kernel",
    each.interruptible ? "yes" : "no",
    said(`0x${BigInt(each.ip).toString(16)}`, "mono"),
    said(each.flags.join(" ")),
  ]);
  const devices = g.devices.map((each) => [
    said(each.device),
    String(each.instance),
    String(each.version),
    size(each.length),
  ]);
  const rest = Object.fromEntries(
    ["cpu", "msrs", "params", "states"]
      .filter((key) => g[key] && Object.keys(g[key]).length)
      .map((key) => [key, g[key]]),
  );
  return h(
    "section",
    { class: "card" },
    h("h3", {}, said(one.name)),
    table(null, rows),
    vcpus.length ? table(["vcpu", "mode", "ran", "interrupts", "at", "flags"], vcpus.slice(0, 64)) : null,
    devices.length
      ? h(
          "details",
          {},
          h("summary", {}, many(devices.length, "device")),
          table(["device", "instance", "version", "state"], devices),
        )
      : null,
    Object.keys(rest).length ? h("details", {}, h("summary", {}, "policies, parameters and states"), tree(rest)) : null,
  );
}

function numbers(one) {
  const { m } = one;
  const phases = m.phases.map((phase) => [
    phase.name,
    between(phase),
    size(phase.forward),
    size(phase.reverse),
    phase.stall ? duration(phase.stall) : "",
  ]);
  const iterations = m.iterations.map((each) => [
    each.verify ? "verify" : String(each.index),
    count(each.entries),
    count(each.data_pages),
    between(each),
  ]);
  const records = Object.entries(m.records).flatMap(([direction, names]) =>
    Object.entries(names).map(([name, number]) => [said(name), direction, count(number)]),
  );
  return h(
    "section",
    { class: "card" },
    h("h3", {}, said(one.name)),
    table(["phase", "took", "forward", "reverse", "stall"], phases),
    iterations.length
      ? h(
          "details",
          { open: iterations.length <= 12 },
          h("summary", {}, many(iterations.length, "iteration")),
          table(["iteration", "entries", "sent", "took"], iterations),
        )
      : null,
    h("details", {}, h("summary", {}, "records"), table(["record", "direction", "whole ones"], records)),
    h("details", {}, h("summary", {}, "everything that analyze --json says"), tree(m)),
  );
}

const TOLD = ["downtime", "limits"]; // what analyze says in words

function section(id, title, note, ...children) {
  const found = children.flat(Infinity).filter(Boolean);
  return found.length
    ? h("section", { id }, h("h2", {}, title), note && h("p", { class: "faint" }, note), found)
    : null;
}

const grid = (nodes) => h("div", { class: "side-by-side" }, nodes);
const charts = (those) => (those.length ? grid(those.map((chart) => chart.node)) : null);

const CHARTED = 8;
const URGENCY = ["failed", "incomplete", "failover", "completed"]; // which of many are charted first

/** As much of the end of a path as tells it from the others. */
function short(path, paths) {
  const parts = path.split("/"),
    others = paths.filter((other) => other !== path);
  for (let length = 1; length < parts.length; length++) {
    const end = parts.slice(-length).join("/");
    if (!others.some((other) => other.endsWith(`/${end}`) || other === end)) return end;
  }
  return path;
}

function migrations() {
  const all = [];
  data.inputs.forEach((input, number) => {
    input.key = number;
    input.name = short(
      input.analysis.source.file,
      data.inputs.map((other) => other.analysis.source.file),
    );
    input.analysis.migrations.forEach((m, at) => {
      LASTED.set(m, input.took[at]);
      const t = input.timelines.find((each) => each.migration === m.id) || null;
      const several = input.analysis.migrations.length > 1;
      const name = `${visible(input.name).slice(0, 80)}${several ? `, migration ${m.id}` : ""}`;
      const begun = Math.min(...m.phases.map((phase) => phase.start_time ?? Infinity));
      const start = Number.isFinite(begun) ? begun : (t?.start_time ?? 0);
      const f = input.faults,
        faults = [];
      f.migration.forEach(
        (of, each) =>
          of === m.id &&
          faults.push({
            pfn: f.pfn[each],
            at: f.time[each] === null ? null : f.time[each] - start,
            latency: f.latency[each],
            in_flight: Boolean(f.in_flight[each]),
            frame: f.frame[each],
            go: () => input.table.goTo(m.id, DIRECTIONS.indexOf("reverse"), f.offset[each]),
          }),
      );
      all.push({
        input,
        m,
        t,
        name,
        faults,
        key: all.length,
        start,
        guest: input.guests.find((each) => each.migration === m.id) || null,
        told: input.told[at] || null,
      });
    });
  });
  return all;
}

function page() {
  const all = migrations();
  const charted = [...all]
    .sort(
      (a, b) =>
        URGENCY.indexOf(a.m.outcome) - URGENCY.indexOf(b.m.outcome) || b.m.bytes.forward - a.m.bytes.forward,
    )
    .slice(0, CHARTED)
    .sort((a, b) => a.key - b.key);
  const timed = charted.filter((one) => one.t?.start_time !== null && one.t?.forward.octets.length);
  const end = Math.max(
    1e-3,
    ...timed.map((one) =>
      Math.max(one.t.start_time - one.start + one.t.forward.octets.length * one.t.bin, took(one.m) || 0),
    ),
  );
  view.whole = [0, end];
  [view.from, view.to] = view.whole;
  const most = { forward: 1, reverse: 1 };
  for (const one of timed)
    for (const side of ["forward", "reverse"])
      most[side] = Math.max(most[side], ...one.t[side].octets.map((octets) => octets / one.t.bin));
  const mapped = timed.filter((one) => one.t.pages);
  const passes = timed.filter((one) => one.m.iterations.length);
  const rate = Math.max(
    1,
    ...passes.flatMap((one) =>
      one.m.iterations.flatMap((each) => [each.sent_pages_per_second || 0, each.dirty_pages_per_second || 0]),
    ),
  );
  const faulting = timed.filter((one) => one.faults.some((fault) => fault.latency !== null));
  const waits = faulting.flatMap((one) =>
    one.faults.filter((fault) => fault.latency > 0 && !fault.in_flight).map((fault) => fault.latency),
  );
  const range = waits.length
    ? [
        10 ** Math.floor(Math.log10(waits.reduce((a, b) => Math.min(a, b)))),
        10 ** Math.ceil(Math.log10(waits.reduce((a, b) => Math.max(a, b)))),
      ]
    : [1e-4, 1];
  if (range[0] === range[1]) range[1] *= 10;
  for (const input of data.inputs) input.table = new Records(input, input.analysis.migrations.length > 1);

  const left = all.length - charted.length;
  const unshown = data.inputs.reduce((sum, input) => sum + input.faults_left_out, 0);
  const parts = [
    section(
      "summary",
      all.length > 1 ? `${count(all.length)} migrations` : "Summary",
      null,
      [...data.problems, ...data.inputs.map((input) => input.problem)]
        .filter(Boolean)
        .map((problem) => h("p", { class: "bad" }, said(problem))),
      grid(charted.map(card)),
      left
        ? h(
            "p",
            { class: "faint" },
            `Shown are those that did not complete, then those that carried most; ${many(left, "migration")} more `,
            h("a", { href: "#numbers" }, left > 1 ? "are in the numbers" : "is in the numbers"),
            " only.",
          )
        : null,
    ),
    all.length > 1 ? section("differences", "What differs", null, differences(charted)) : null,
    section("findings", "Findings", null, findings(all)),
    section(
      "timeline",
      "The migration as one picture",
      "All charts over time have one axis: what is zoomed in one is zoomed in all.",
      charts(timed.map((one) => picture(one, most))),
    ),
    section("memory", "Memory map", null, charts(mapped.map(memoryMap))),
    section("iterations", "Iterations", null, charts(passes.map((one) => rates(one, rate)))),
    section(
      "latency",
      "Fault latency",
      unshown ? `${many(unshown, "more fault")} are not in the charts of faults: xenshark faults shows all.` : null,
      charts([...faulting.map((one) => latencies(one, range)), ...(waits.length ? [ecdf(faulting, range)] : [])]),
    ),
    section("again", "Pages sent again", null, charts(sentAgain(charted.filter((one) => one.t?.pages)))),
    ...TOLD.map((key) => {
      const those = charted.filter((one) => one.told?.[key].length);
      return section(
        key,
        key[0].toUpperCase() + key.slice(1),
        null,
        those.length
          ? grid(
              those.map((one) =>
                h(
                  "section",
                  { class: "card" },
                  h("h3", {}, said(one.name)),
                  table(
                    null,
                    one.told[key].map(([what, text]) => [what, said(text)]),
                  ),
                ),
              ),
            )
          : null,
      );
    }),
    section(
      "records",
      "Records",
      null,
      data.inputs.map((input) => [data.inputs.length > 1 && h("h3", {}, said(input.name)), input.table.node]),
    ),
    section(
      "guest",
      "Guest",
      "At the moment it stopped.",
      charted.some((one) => one.guest) ? grid(charted.filter((one) => one.guest).map(guest)) : null,
    ),
    section(
      "numbers",
      "Numbers",
      null,
      left
        ? table(
            ["migration", "outcome", "verdict", "took", "forward"],
            all.map(({ m, name }) => [
              said(name),
              chip(m.outcome, OUTCOMES[m.outcome]),
              said(m.verdict),
              duration(took(m)),
              size(m.bytes.forward),
            ]),
            { class: "every" },
          )
        : null,
      grid(charted.map(numbers)),
      table(
        ["file", "format", "size", "packets", "first packet"],
        data.inputs.map(({ analysis: { source } }) => [
          said(source.file),
          source.format,
          size(source.bytes),
          count(source.packets),
          source.first_time === null ? "" : moment(source.first_time),
        ]),
      ),
    ),
  ].filter(Boolean);

  const themes = ["auto", "light", "dark"];
  const theme = h(
    "button",
    {
      "aria-label": "light or dark",
      onclick: () => {
        const next =
          themes[(themes.indexOf(document.documentElement.getAttribute("data-theme") || "auto") + 1) % themes.length];
        next === "auto"
          ? document.documentElement.removeAttribute("data-theme")
          : document.documentElement.setAttribute("data-theme", next);
        theme.textContent = `colours: ${next}`;
      },
    },
    "colours: auto",
  );
  document.getElementById("top").append(
    h(
      "div",
      {},
      h("b", {}, "xenshark report"),
      h(
        "nav",
        { "aria-label": "sections" },
        parts.map((part) =>
          h(
            "a",
            { href: `#${part.id}` },
            part.querySelector("h2").textContent.replace("The migration as one picture", "Picture"),
          ),
        ),
      ),
      theme,
    ),
  );
  document
    .getElementById("report")
    .replaceChildren(
      ...parts,
      h(
        "footer",
        { class: "faint" },
        `Written by xenshark ${data.version}. Times are the capture's; latency is from a fault's last octet to the last octet of its page's record; downtime is what the wire shows of it.`,
      ),
    );
  document.title = `${all.length > 1 ? many(all.length, "migration") : all[0].m.outcome}: ${data.inputs
    .map((input) => visible(input.name))
    .join(", ")
    .slice(0, 120)} - xenshark`;
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
  document
    .getElementById("report")
    .replaceChildren(
      h("p", {}, `This browser cannot show the report: ${error.message}. It needs one of 2024 or newer.`),
    );
  throw error;
});
