/* One case: the panel beside the matrix. */

const chunks = new Map();

function detail(i) {
	const k = Math.floor(i / index.chunk);
	if (!chunks.has(k)) {
		const script = $("d" + k);
		if (!script || (document.readyState === "loading" && !script.nextElementSibling))
			return null; /* not there yet, or not whole */
		chunks.set(k, JSON.parse(script.textContent));
	}
	return chunks.get(k)[i % index.chunk];
}

/* The words of text, those that other lacks in a mark; none where the two share no word. */
function marked(text, other, kind) {
	const cut = s => seen(s).split(/([,;\s]+)/);
	const plain = w => w === "" || /^[,;\s]+$/.test(w);
	const words = cut(text), theirs = new Set(cut(other).filter(w => !plain(w)));
	if (!words.some(w => theirs.has(w)))
		return [seen(text)];
	return words.map(w => plain(w) || theirs.has(w) ? w : el("mark", { class: kind }, w));
}

function side(name, text, other, kind) {
	const none = text === undefined || text === "";
	return [el("dt", null, name), none ? el("dd", { class: "nothing" }, "nothing") : el("dd", null, ...marked(text, other, kind))];
}

function fact(f) {
	const what = seen(f.property) + (f.key ? "[" + seen(f.key) + "]" : "") + (f.subject ? " of " + seen(f.subject) : "");
	return el("div", { class: "fact " + (f.state === "ok" ? "same" : "differs") },
		el("div", { class: "what" }, what + " ", f.source || f.state === "broken"
			? el("small", null, [f.state === "broken" ? "no clear observation" : "", f.source ? "seen by " + seen(f.source) : ""].filter(Boolean).join(", ")) : null),
		el("dl", null, ...side("expected", f.expected, f.observed, "wanted"), ...side("observed", f.observed, f.expected, "got")));
}

function part(title, ...content) {
	return el("section", null, el("h3", null, title), ...content);
}

function copyButton(text, source) {
	const b = el("button", { type: "button", class: "copy" }, "Copy");
	b.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(text);
			b.textContent = "Copied";
		} catch {
			getSelection().selectAllChildren(source);
			b.textContent = document.execCommand("copy") ? "Copied" : "Selected";
		}
	});
	return b;
}

/* Folders below the record only: anything else is shown, not linked. */
function evidenceItem(folder) {
	const steps = String(folder).split("/").filter(Boolean);
	if (String(folder).startsWith("/") || steps.includes(".."))
		return el("li", null, seen(folder));
	return el("li", null, el("a", { href: "./" + steps.map(encodeURIComponent).join("/") + "/" }, seen(folder)));
}

/* A message and the lines under it: its FDs, and what was done to it. */
function messageRows(m) {
	const under = (kind, ...content) => el("tr", null, el("td", { colspan: 3 }), el("td", { class: kind }, ...content));
	const fd = f => under("fd", el("b", null, seen(f.name)), " " + [f.type, f.flags, f.mnt === undefined ? undefined : "mnt " + seen(f.mnt), f.target,
		f.kept === undefined ? undefined : "kept: " + seen(f.kept)].filter(t => t !== undefined && t !== "").map(seen).join("  "));
	const arrow = { request: "→", reply: "←" }[m.dir] || "–";
	return [el("tr", { class: "message" }, el("td", { class: "number" }, seen(m.n)), el("td", null, seen(m.mount)),
		el("td", { title: seen(m.dir) }, arrow), el("td", null, seen(m.text))),
		...(m.fds || []).map(fd), ...(m.note ? [under("tampered", seen(m.note))] : [])];
}

function wire(d) {
	const head = el("tr", null, ...["n", "mount", "", "message"].map(t => el("th", { scope: "col" }, t)));
	const list = d.wire || [], left = d.wire_left_out > 0 ? d.wire_left_out + " more, which the evidence holds" : null;
	return part("Messages: → to the gofer, ← to the sentry", list.length
		? el("div", { class: "wire", tabindex: 0 }, el("table", null, el("thead", null, head), el("tbody", null, ...list.flatMap(messageRows)))) : null,
		left && el("p", { class: "meta" }, left));
}

function parts(d) {
	const facts = d.facts || [], differ = facts.filter(f => f.state !== "ok"), same = facts.filter(f => f.state === "ok");
	const out = [];
	if (d.replay) {
		/* Each word stays whole: a line break inside an option reads badly. */
		const pre = el("pre", { id: "replay" }, ...seen(d.replay).split(/( +)/).map(w => el("span", { class: "word" }, w)));
		out.push(part("Replay", el("div", { class: "replay" }, pre, copyButton(seen(d.replay), pre))));
	}
	if (d.known)
		out.push(part("Known defect", el("p", { class: "reason" }, seen(d.known.note || "")), /^https?:\/\//.test(d.known.link || "")
			? el("a", { href: d.known.link, rel: "noreferrer" }, seen(d.known.link)) : el("p", null, seen(d.known.link || ""))));
	if (differ.length)
		out.push(part("Difference: expected and observed", ...differ.map(fact)));
	if (d.spec && d.spec.length)
		out.push(part("Spec", el("pre", null, d.spec.map(seen).join("\n"))));
	if (same.length)
		out.push(part("As expected", same.length > 6
			? el("details", null, el("summary", null, same.length + " facts"), ...same.map(fact)) : el("div", null, ...same.map(fact))));
	if (d.compared)
		out.push(el("p", { class: "meta" }, d.compared + " facts compared"));
	if (d.unissued && d.unissued.length)
		out.push(part("Never issued by its gofer", el("p", { class: "reason" }, d.unissued.map(seen).join(", "))));
	if ((d.wire && d.wire.length) || d.wire_left_out > 0)
		out.push(wire(d));
	if (d.log)
		out.push(part("Log excerpt", el("pre", { class: "log", tabindex: 0 }, seen(d.log))));
	if (d.sandboxes && d.sandboxes.length)
		out.push(part("Sandboxes", el("ul", null, ...d.sandboxes.map(s => el("li", null, seen(s))))));
	if (d.evidence && d.evidence.length)
		out.push(part("Evidence", el("ul", null, ...d.evidence.map(evidenceItem))));
	return out;
}

function show(i, focusPanel) {
	const v = index.verdicts[i], d = detail(i);
	const button = (label, title, act) => {
		const b = el("button", { type: "button", title, "aria-label": title }, label);
		b.addEventListener("click", act);
		return b;
	};
	const old = matrix.querySelector('[aria-current]');
	if (old)
		old.removeAttribute("aria-current");
	current = i;
	const now = cellAt(i);
	if (now)
		now.setAttribute("aria-current", "true");
	history.replaceState(null, "", "#case=" + encodeURIComponent(index.ids[i]));
	panel.replaceChildren(
		el("div", { class: "bar" }, el("span", { class: "badge v v" + v }, VERDICTS[v]),
			button("‹", "Previous case", () => step(-1)), button("›", "Next case", () => step(1)),
			button("✕", "Close", hide)),
		el("h2", null, seen(index.ids[i])),
		...(d ? [el("p", { class: "meta" }, [d.clause + (d.should ? " (SHOULD)" : ""), d.ms === undefined ? "" : d.ms + " ms"].filter(Boolean).map(seen).join(" · ")),
			d.reason ? el("p", { class: "reason" }, seen(d.reason)) : "", ...parts(d)] : [el("p", { class: "meta" }, "Still loading…")]));
	panel.hidden = false;
	panel.scrollTop = 0;
	document.body.classList.add("open");
	if (now)
		now.scrollIntoView({ block: "nearest" });
	if (focusPanel)
		panel.focus({ preventScroll: true });
}

function hide() {
	const back = cellAt(current);
	panel.hidden = true;
	document.body.classList.remove("open");
	history.replaceState(null, "", location.pathname + location.search);
	if (back) {
		back.removeAttribute("aria-current");
		focusCell(current);
	}
	current = -1;
}

function openLinked() {
	const m = /^#case=(.*)$/.exec(location.hash);
	if (!m)
		return;
	let id = m[1];
	try { id = decodeURIComponent(id); } catch { /* as it stands */ }
	const i = index.ids.indexOf(id);
	if (i >= 0)
		show(i, true);
}
