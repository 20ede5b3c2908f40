"use strict";
/* The data, the filters and the matrix. matrix.js, case.js and page.js are one script, in this order. */

const VERDICTS = ["pass", "fail", "skip", "broken", "xfail", "xpass"];
const GOOD = "02";          /* pass and skip: n and p pass them by */
const CALM = "024";         /* and a known defect is no alarm */
const BLOCK = 256;          /* cells rendered together */
const AT_ONCE = 768;        /* cells rendered before the first paint */
const NAMED = 160;          /* no more matches than this are shown by row name, unless told */

const $ = id => document.getElementById(id);
const index = JSON.parse($("index").textContent);
const matrix = $("matrix"), panel = $("panel");
const filter = { verdicts: new Set(), scope: "", text: "", names: null };
const haystack = new Array(index.ids.length);
let visible = [];           /* case numbers that match, in order */
let place = new Map();      /* case number -> its place in visible */
let blockOf = new Map();    /* case number -> its block */
let current = -1;

/* Makes an element; text only ever arrives as text. */
function el(tag, attrs, ...children) {
	const e = document.createElement(tag);
	for (const [k, v] of Object.entries(attrs || {}))
		if (v !== undefined && v !== null)
			e.setAttribute(k, v);
	e.append(...children.filter(c => c !== null && c !== undefined));
	return e;
}

/* Control characters and reordering characters, made visible. */
function seen(value) {
	const text = typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
	return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
		c => c < " " ? String.fromCharCode(0x2400 + c.charCodeAt(0))
			: "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

/* Filtering ------------------------------------------------------------------------------------ */

function matches(i, clause) {
	if (filter.verdicts.size && !filter.verdicts.has(index.verdicts[i]))
		return false;
	if (filter.scope && filter.scope !== "c" + clause.n && filter.scope !== "f" + clause.family)
		return false;
	if (!filter.text)
		return true;
	if (haystack[i] === undefined)
		haystack[i] = (index.ids[i] + "\n" + index.reasons[index.reason[i]]).toLowerCase();
	return haystack[i].includes(filter.text);
}

const clauses = index.clauses.map(([name, family, first, count], n) => ({ n, name, family, first, count }));

function fillScopes() {
	const scope = $("scope");
	scope.append(el("option", { value: "" }, "All clauses"));
	index.families.forEach((family, f) => {
		const group = el("optgroup", { label: seen(family) });
		group.append(el("option", { value: "f" + f }, seen(family) + " (family)"));
		for (const c of clauses)
			if (c.family === f)
				group.append(el("option", { value: "c" + c.n }, seen(c.name)));
		scope.append(group);
	});
}

/* The matrix ----------------------------------------------------------------------------------- */

function cell(i, named) {
	const v = index.verdicts[i], label = seen(index.ids[i]) + ": " + VERDICTS[v];
	const b = el("button", { class: "cell v v" + v, "data-i": i, tabindex: -1, title: label, "aria-label": label });
	if (named)
		b.append(el("span", null, seen(index.rows[i]) || seen(index.ids[i])));
	if (i === current)
		b.setAttribute("aria-current", "true");
	return b;
}

function fill(block) {
	if (!block.cases)
		return;
	block.append(...block.cases.map(i => cell(i, block.named)));
	block.cases = null;
	block.style.height = "";
	watcher.unobserve(block);
}

const watcher = new IntersectionObserver(entries => {
	for (const e of entries)
		if (e.isIntersecting)
			fill(e.target);
}, { rootMargin: "800px" });

function cellsOf(cases, layout) {
	const cells = el("div", { class: "cells" }), named = layout.named;
	for (let at = 0; at < cases.length; at += BLOCK) {
		const block = el("div", { class: named ? "block named" : "block" });
		block.cases = cases.slice(at, at + BLOCK);
		block.named = named;
		for (const i of block.cases)
			blockOf.set(i, block);
		block.style.height = Math.ceil(block.cases.length / layout.columns) * layout.pitch + "px";
		cells.append(block);
	}
	return cells;
}

function tally(cases) {
	const counts = new Array(VERDICTS.length).fill(0);
	for (const i of cases)
		counts[index.verdicts[i]]++;
	return counts.map((n, v) => n ? n + " " + VERDICTS[v] : "").filter(Boolean).join(", ");
}

function clauseOf(c, cases, layout) {
	const bad = cases.some(i => !CALM.includes(index.verdicts[i]));
	return el("div", { class: "clause", role: "group", "aria-label": seen(c.name) },
		el("div", { class: "label" }, el("span", { class: "id" }, seen(c.name)),
			el("small", { class: bad ? "bad" : null }, tally(cases))),
		cellsOf(cases, layout));
}

/* How many cells fit a line, to guess the height of blocks that are not there yet. */
function layoutFor(count) {
	const style = getComputedStyle(document.documentElement);
	const named = filter.names === null ? count <= NAMED : filter.names;
	const pitch = (named ? Math.max(26, parseFloat(style.getPropertyValue("--cell"))) : parseFloat(style.getPropertyValue("--cell")))
		+ parseFloat(style.getPropertyValue("--gap"));
	$("names").setAttribute("aria-pressed", String(named));
	return { named, pitch, columns: Math.max(1, Math.floor((matrix.clientWidth - 170) / (named ? 170 : pitch))) };
}

/* The matching cases as [clause, its cases] pairs; visible and place follow. */
function select() {
	const chosen = [];
	visible = [];
	place = new Map();
	for (const c of clauses) {
		const cases = [];
		for (let i = c.first; i < c.first + c.count; i++)
			if (matches(i, c))
				cases.push(i);
		for (const i of cases)
			place.set(i, visible.push(i) - 1);
		if (cases.length)
			chosen.push([c, cases]);
	}
	return chosen;
}

/* Fills the first blocks now and the others when they come near the window. */
function fillFirst() {
	let room = AT_ONCE;
	for (const block of new Set(blockOf.values())) {
		if (room > 0) {
			room -= block.cases.length;
			fill(block);
		} else {
			watcher.observe(block);
		}
	}
	const first = matrix.querySelector(".cell");
	if (first)
		first.tabIndex = 0;
}

function render() {
	const chosen = select(), layout = layoutFor(visible.length), sections = [];

	watcher.disconnect();
	blockOf = new Map();
	for (const [c, cases] of chosen) {
		let s = sections[sections.length - 1];
		if (!s || s.family !== c.family)
			sections.push(s = { family: c.family, cases: [], section: el("section", { class: "family" }, el("h2", null)) });
		s.cases = s.cases.concat(cases);
		s.section.append(clauseOf(c, cases, layout));
	}
	for (const s of sections)
		s.section.firstChild.append(seen(index.families[s.family]), el("small", null, tally(s.cases)));
	matrix.replaceChildren(...sections.map(s => s.section));
	if (!visible.length)
		matrix.append(el("p", { class: "empty" }, index.ids.length ? "No case matches the filters." : "No case was judged."));
	$("shown").textContent = visible.length === index.ids.length ? visible.length + " cases"
		: visible.length + " of " + index.ids.length + " cases";
	fillFirst();
}

function cellAt(i) {
	const block = blockOf.get(i);
	if (!block)
		return null;
	fill(block);
	return block.querySelector('[data-i="' + i + '"]');
}
