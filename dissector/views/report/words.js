// Words and numbers, as the commands print them.

const MANY = new Intl.NumberFormat("en-US");
const count = (n) => (n === null || n === undefined ? "not known" : MANY.format(Math.round(n)));
const many = (n, one, several = one + "s") => `${count(n)} ${n === 1 ? one : several}`;

/** A number with so many digits (one or more) behind the point, and of two that are as near the even one: as Python
 * rounds, where toFixed takes the larger. */
function fixed(number, digits) {
  const exact = number.toFixed(60),
    cut = exact.length - 60 + digits;
  return /^[02468]50*$/.test(exact.slice(cut - 1)) ? exact.slice(0, cut) : number.toFixed(digits);
}

function size(octets) {
  for (const [unit, factor] of [
    ["GB", 1e9],
    ["MB", 1e6],
    ["kB", 1e3],
  ]) {
    if (octets >= factor) return `${fixed(octets / factor, 1)} ${unit}`;
  }
  return `${count(octets)} octets`;
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "not known";
  const ns = Math.round(seconds * 1e9);
  return Math.abs(ns) >= 1e9 ? `${fixed(ns / 1e9, 3)} s` : `${fixed(ns / 1e6, 3)} ms`;
}

const moment = (time) =>
  time === null ? "no time" : new Date(time * 1e3).toISOString().replace("T", " ").replace("Z", " UTC");
const percent = (part) => `${fixed(100 * part, 1)} %`;
const endpoint = (end) => (end.address.includes(":") ? `[${end.address}]:${end.port}` : `${end.address}:${end.port}`);
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
const words = (name) => name.replaceAll("_", " ");

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu; // controls, and what turns the direction of text
const visible = (text) => String(text).replace(HIDDEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
