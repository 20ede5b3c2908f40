/* Moving through the matrix, and what starts the page. */

function focusCell(i) {
	const target = cellAt(i);
	if (!target)
		return;
	for (const e of matrix.querySelectorAll('.cell[tabindex="0"]'))
		e.tabIndex = -1;
	target.tabIndex = 0;
	target.focus();
	if (!panel.hidden)
		show(i, false);
}

function step(by) {
	const at = place.has(current) ? place.get(current) + by : 0;
	if (visible[at] !== undefined)
		show(visible[at], true);
}

/* The nearest cell of the line above or below. */
function lineFrom(i, by) {
	const box = cellAt(i).getBoundingClientRect();
	let best = -1, off = Infinity, top = null;
	for (let at = place.get(i) + by; visible[at] !== undefined; at += by) {
		const r = cellAt(visible[at]).getBoundingClientRect();
		if (Math.abs(r.top - box.top) < 2)
			continue;
		if (top !== null && Math.abs(r.top - top) > 2)
			break;
		top = r.top;
		if (Math.abs(r.left - box.left) < off) {
			off = Math.abs(r.left - box.left);
			best = visible[at];
		}
	}
	return best;
}

/* The next case that did not pass, from the open case or the focused cell. */
function nextBad(by) {
	const focused = document.activeElement && document.activeElement.dataset.i;
	const start = place.get(current >= 0 ? current : Number(focused));
	for (let at = start === undefined ? (by > 0 ? 0 : visible.length - 1) : start + by; visible[at] !== undefined; at += by)
		if (!GOOD.includes(index.verdicts[visible[at]]))
			return show(visible[at], true);
}

const cellKeys = {
	ArrowRight: i => visible[place.get(i) + 1],
	ArrowLeft: i => visible[place.get(i) - 1],
	ArrowDown: i => lineFrom(i, 1),
	ArrowUp: i => lineFrom(i, -1),
	Home: () => visible[0],
	End: () => visible[visible.length - 1],
};
const pageKeys = {
	n: () => nextBad(1),
	p: () => nextBad(-1),
	"/": () => $("text").focus(),
	Escape: () => panel.hidden || hide(),
};

function onKey(e) {
	const t = e.target, writing = t.matches && t.matches("input, select");
	if (e.ctrlKey || e.metaKey || e.altKey || (writing && e.key !== "Escape"))
		return;
	if (t.classList && t.classList.contains("cell") && cellKeys[e.key]) {
		const to = cellKeys[e.key](Number(t.dataset.i));
		e.preventDefault();
		if (to !== undefined && to >= 0)
			focusCell(to);
	} else if (pageKeys[e.key]) {
		e.preventDefault();
		pageKeys[e.key]();
	}
}

/* Wiring --------------------------------------------------------------------------------------- */

for (const chip of document.querySelectorAll(".chip"))
	chip.addEventListener("click", () => {
		const on = chip.getAttribute("aria-pressed") !== "true", v = chip.dataset.verdict;
		chip.setAttribute("aria-pressed", String(on));
		on ? filter.verdicts.add(v) : filter.verdicts.delete(v);
		render();
	});
$("scope").addEventListener("change", e => { filter.scope = e.target.value; render(); });
$("text").addEventListener("input", e => { filter.text = e.target.value.toLowerCase(); render(); });
$("names").addEventListener("click", e => {
	filter.names = e.target.getAttribute("aria-pressed") !== "true";
	render();
});
matrix.addEventListener("click", e => {
	const b = e.target.closest(".cell");
	if (b)
		show(Number(b.dataset.i), true);
});
document.addEventListener("keydown", onKey);
addEventListener("hashchange", openLinked);
fillScopes();
render();
document.documentElement.dataset.rendered = Math.ceil(performance.now());
if (document.readyState === "loading")
	addEventListener("DOMContentLoaded", openLinked);
else
	openLinked();
