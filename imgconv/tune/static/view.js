// The picture of `imgconv tune`: before and after on a canvas, with linked zoom and pan. Pixels come
// as frames from the server, for what is seen; until they are there, those that are there are moved.
"use strict";

const view = (() => {
  const state = {
    size: null, zoom: 1, fit: true, y: 0, x: 0, mode: "divide", divide: 0.5, before: "picture",
    hold: false, frames: {}, base: {}, about: {}, busy: {}, error: {}, name: "", fault: "",
  };
  const drawn = []; // what was drawn when, for measurements
  let cutting, socket, canvas, stage, bar, asked = "", pointer = null, waiting = false, planned = false;
  const by = (id) => document.getElementById(id);
  const ratio = () => window.devicePixelRatio || 1;
  const panes = () => (state.mode === "side" ? 2 : 1);
  const paneWidth = () => canvas.width / panes();

  function start() {
    if (!by("stage")) { requestAnimationFrame(start); return; } // Vue has not drawn the page yet
    stage = by("stage");
    canvas = by("canvas");
    bar = by("divider");
    new ResizeObserver(resized).observe(stage);
    stage.addEventListener("wheel", wheel, { passive: false });
    stage.addEventListener("pointerdown", grab);
    stage.addEventListener("pointermove", hover);
    stage.addEventListener("pointerleave", () => { pointer = null; by("values").textContent = ""; });
    stage.addEventListener("dblclick", (e) => state.fit ? zoomTo(1, at(e)) : fit());
    stage.addEventListener("keydown", keys);
    document.addEventListener("keydown", shortcuts);
    document.addEventListener("keyup", (e) => { if (e.key === "b") hold(false); });
    bar.addEventListener("pointerdown", (e) => { e.stopPropagation(); drag(e, slideDivider); });
    bar.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[e.key];
      if (step) { setDivider(state.divide + step); e.preventDefault(); e.stopPropagation(); }
    });
    resized();
    connect();
  }

  // ---- the server ---------------------------------------------------------------------------------

  function connect() {
    const base = location.href.split(/[?#]/)[0].replace(/^http/, "ws").replace(/\/$/, "");
    socket = new WebSocket(`${base}/frames?window=${crypto.randomUUID()}`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (e) => typeof e.data === "string" ? told(JSON.parse(e.data)) : framed(e.data);
    socket.onopen = () => { asked = ""; waiting = false; stage.classList.remove("lost"); };
    socket.onclose = () => { stage.classList.add("lost"); setTimeout(connect, 1000); };
  }

  function send(message) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function told(message) {
    if (message.kind === "picture") {
      Object.assign(state, { frames: {}, base: {}, about: {}, error: {}, busy: {} });
      const same = state.size && message.size && String(state.size) === String(message.size);
      Object.assign(state, { size: message.size, name: message.name, fault: message.error });
      stage.classList.toggle("empty", !message.name);
      stage.classList.toggle("loading", !!message.size);
      asked = "";
      if (!same) fit();
      mark(message.number);
    } else if (message.kind === "values") {
      waiting = false;
      const [before, after] = message.values;
      by("values").textContent = `y ${message.y}  x ${message.x}   ${before}  →  ${after}`;
    } else {
      state.busy[message.side] = message.kind === "busy";
      if (message.kind === "error") {
        state.error[message.side] = message.message;
        delete state.about[message.side];
        about();
      }
      if (message.kind === "about") { state.about[message.side] = message; about(); }
    }
    redraw();
  }

  function framed(data) {
    const length = new DataView(data).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const bytes = new Uint8Array(data, 4 + length);
    const count = head.width * head.height, pixels = new Uint32Array(count);
    if (head.channels === 1) for (let i = 0; i < count; i++) pixels[i] = 0xff000000 | (bytes[i] * 0x10101);
    else for (let i = 0, k = 0; i < count; i++, k += 3)
      pixels[i] = 0xff000000 | (bytes[k + 2] << 16) | (bytes[k + 1] << 8) | bytes[k];
    const image = new OffscreenCanvas(head.width, head.height);
    const shown = new ImageData(new Uint8ClampedArray(pixels.buffer), head.width, head.height);
    image.getContext("2d").putImageData(shown, 0, 0);
    const frame = { ...head, image };
    const [y0, y1, x0, x1] = head.region, [height, width] = state.size;
    if (y1 - y0 > height - 1 && x1 - x0 > width - 1) state.base[head.side] = frame;
    else if (state.base[head.side]?.chain !== head.chain) delete state.base[head.side];
    // What is hidden meanwhile stays there, until all of it comes.
    const last = state.frames[head.side]?.below ?? state.frames[head.side], seen = last?.region;
    const part = seen && x0 > seen[2] && x1 === seen[3] && y0 === seen[0] && y1 === seen[1];
    frame.below = part ? last : null;
    state.frames[head.side] = frame;
    delete state.error[head.side];
    stage.classList.remove("loading");
    draw();
    drawn.push({ time: performance.now(), side: head.side, what: head.what, chain: head.chain,
                 seconds: head.seconds });
    if (drawn.length > 1000) drawn.shift();
  }

  // What is seen, in pixels of the picture, goes to the server when it has changed.
  function ask() {
    if (!state.size || !canvas.width) return;
    const [height, width] = state.size, w = paneWidth() / state.zoom, h = canvas.height / state.zoom;
    const region = [
      Math.max(0, Math.floor(state.y - h / 2)), Math.min(height, Math.ceil(state.y + h / 2)),
      Math.max(0, Math.floor(state.x - w / 2)), Math.min(width, Math.ceil(state.x + w / 2)),
    ];
    if (region[0] >= region[1] || region[2] >= region[3]) return;
    const message = {
      region, before: state.before, height: Math.ceil((region[1] - region[0]) * state.zoom),
      width: Math.ceil((region[3] - region[2]) * state.zoom),
    };
    const text = JSON.stringify(message);
    if (text === asked || socket.readyState !== WebSocket.OPEN) return;
    asked = text;
    send({ ...message, cut: cut() });
  }

  // The column from which on the result is seen: no more of it is filtered as a slider moves.
  function cut() {
    if (state.mode === "side" || state.hold) return null;
    return Math.floor(state.x + (state.divide - 0.5) * canvas.width / state.zoom) - 1;
  }

  // ---- zoom and pan -------------------------------------------------------------------------------

  function resized() {
    const box = stage.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(box.width * ratio()));
    canvas.height = Math.max(1, Math.round(box.height * ratio()));
    if (state.fit) fit(); else redraw();
  }

  function fit() {
    state.fit = true;
    if (state.size) {
      const [height, width] = state.size;
      state.zoom = Math.min(paneWidth() / width, canvas.height / height) * 0.98;
      state.zoom = Math.min(state.zoom, 16);
      [state.y, state.x] = [height / 2, width / 2];
    }
    redraw();
  }

  function at(e) { // where an event is, in pixels of its pane, from the middle
    const box = stage.getBoundingClientRect();
    const x = (e.clientX - box.left) * ratio(), y = (e.clientY - box.top) * ratio();
    return [y - canvas.height / 2, (x % paneWidth()) - paneWidth() / 2];
  }

  function zoomTo(zoom, [dy, dx] = [0, 0]) {
    const next = Math.min(64, Math.max(0.01, zoom));
    state.y += dy / state.zoom - dy / next;
    state.x += dx / state.zoom - dx / next;
    [state.zoom, state.fit] = [next, false];
    move(0, 0);
  }

  function move(dy, dx) {
    if (!state.size) return;
    state.y = Math.min(state.size[0], Math.max(0, state.y + dy));
    state.x = Math.min(state.size[1], Math.max(0, state.x + dx));
    redraw();
  }

  function wheel(e) {
    e.preventDefault();
    zoomTo(state.zoom * Math.exp(-e.deltaY * 0.0015), at(e));
  }

  function drag(e, moved) {
    const target = e.currentTarget;
    target.setPointerCapture(e.pointerId);
    target.onpointermove = moved;
    target.onpointerup = () => { target.onpointermove = target.onpointerup = null; };
  }

  function grab(e) {
    if (e.button !== 0) return;
    let [y, x] = [e.clientY, e.clientX];
    drag(e, (m) => {
      state.fit = false;
      move((y - m.clientY) * ratio() / state.zoom, (x - m.clientX) * ratio() / state.zoom);
      [y, x] = [m.clientY, m.clientX];
    });
  }

  function hover(e) {
    if (!state.size) return;
    const [dy, dx] = at(e);
    const y = Math.floor(state.y + dy / state.zoom), x = Math.floor(state.x + dx / state.zoom);
    const inside = y >= 0 && x >= 0 && y < state.size[0] && x < state.size[1];
    pointer = inside ? { y, x } : null;
    if (inside && !waiting) { waiting = true; send(pointer); setTimeout(() => { waiting = false; }, 500); }
  }

  function slideDivider(e) {
    const box = stage.getBoundingClientRect();
    setDivider((e.clientX - box.left) / box.width);
  }

  function setDivider(share) {
    state.divide = Math.min(1, Math.max(0, share));
    redraw();
    clearTimeout(cutting);
    cutting = setTimeout(() => send({ cut: cut() }), 100);
  }

  function setMode(mode) { state.mode = mode; if (state.fit) fit(); else redraw(); }
  function setBefore(before) { state.before = before; delete state.frames.before; delete state.base.before; redraw(); }
  function hold(on) { if (state.hold !== on) { state.hold = on; redraw(); } }

  // ---- drawing ------------------------------------------------------------------------------------

  function redraw() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => { planned = false; draw(); ask(); });
  }

  function paint(pen, side, left, width, clipLeft, clipWidth) {
    pen.save();
    pen.beginPath();
    pen.rect(clipLeft, 0, clipWidth, canvas.height);
    pen.clip();
    for (const frame of [state.base[side], state.frames[side]?.below, state.frames[side]]) {
      if (!frame) continue;
      const [y0, y1, x0, x1] = frame.region, z = state.zoom;
      pen.imageSmoothingEnabled = frame.what === "shrunk" || z < 2;
      pen.imageSmoothingQuality = "medium";
      pen.drawImage(frame.image, left + width / 2 + (x0 - state.x) * z,
                    canvas.height / 2 + (y0 - state.y) * z, (x1 - x0) * z, (y1 - y0) * z);
    }
    pen.restore();
  }

  function draw() {
    const pen = canvas.getContext("2d", { alpha: true }), width = canvas.width;
    pen.clearRect(0, 0, width, canvas.height);
    const side = state.mode === "side", cut = state.hold ? width : state.divide * width;
    if (side && !state.hold) {
      paint(pen, "before", 0, width / 2, 0, width / 2 - 1);
      paint(pen, "after", width / 2, width / 2, width / 2 + 1, width / 2 - 1);
    } else if (side) {
      paint(pen, "before", 0, width / 2, 0, width / 2 - 1);
      paint(pen, "before", width / 2, width / 2, width / 2 + 1, width / 2 - 1);
    } else {
      paint(pen, "before", 0, width, 0, cut);
      paint(pen, "after", 0, width, cut, width - cut);
    }
    labels(side);
  }

  function labels(side) {
    bar.style.display = side || state.hold || !state.size ? "none" : "";
    bar.style.left = `${state.divide * 100}%`;
    bar.setAttribute("aria-valuenow", Math.round(state.divide * 100));
    by("zoom").textContent = `${Math.round(state.zoom * 100)} %`;
    const after = state.frames.after, error = state.error.after || state.error.before;
    const what = { exact: "exact", estimated: "estimated", shrunk: after ? `shrunk 1:${after.factor}` : "" };
    const old = !!state.error.after;
    by("badge").textContent = !after ? "" : old ? "not this chain" : what[after.what] + (state.busy.after ? " …" : "");
    by("badge").className = `badge ${old ? "estimated" : after ? after.what : ""}`;
    by("after-label").textContent = state.hold ? "before" : "after";
    by("before-label").textContent = state.before === "other" ? "other chain" : "before";
    by("fault").textContent = state.fault || error || "";
    by("fault").style.display = state.fault || error ? "" : "none";
  }

  // ---- what is known of the result ----------------------------------------------------------------

  const colours = { 1: ["--ink"], 3: ["--red", "--green", "--blue"] };

  function about() {
    for (const side of ["before", "after"]) {
      const found = state.about[side];
      if (!found) {
        for (const what of ["levels", "dtype"]) by(`${what}-${side}`).textContent = "";
        chart(by(`histogram-${side}`), []);
        continue;
      }
      chart(by(`histogram-${side}`), found.histogram);
      const low = (n) => (Math.abs(n) >= 1000 || Number.isInteger(n) ? n.toFixed(0) : n.toPrecision(3));
      by(`levels-${side}`).textContent = `${low(found.levels[0])} … ${low(found.levels[1])}`;
      by(`dtype-${side}`).textContent = `${found.dtype}  ${found.shape.join(" x ")}`;
    }
    const found = state.about.after, times = found?.times;
    if (!found) {
      for (const what of ["halo", "time", "speed", "times"]) by(what).replaceChildren();
      return;
    }
    const reach = (h) => (h[0] === h[1] ? `${h[0]}` : `${h[0]}+${h[1]}`);
    by("halo").textContent = found.halo === undefined ? "" : found.halo === null ? "whole picture"
      : `${reach(found.halo[0])}, ${reach(found.halo[1])}`;
    const ms = (s) => s >= 1 ? `${s.toPrecision(3)} s` : `${Number((s * 1000).toPrecision(3))} ms`;
    by("time").textContent = times ? `${ms(times.seconds)}, ${times.threads} threads` : "";
    by("speed").textContent = times ? `${Number((times.megapixels / times.seconds).toPrecision(3))} MP/s` : "";
    by("times").replaceChildren(...(times?.steps ?? []).map(([text, seconds]) => {
      const row = document.createElement("div"), name = document.createElement("span");
      const time = document.createElement("span");
      [name.textContent, name.title, time.textContent] = [text, text, ms(seconds)];
      row.append(name, time);
      return row;
    }));
  }

  function chart(target, planes) {
    const pen = target.getContext("2d"), style = getComputedStyle(stage);
    target.width = 256;
    target.height = 56;
    // Most bins are seen if the few that tower above them are cut off.
    if (!planes.length) return;
    const all = planes.flat().sort((a, b) => a - b), top = all[Math.floor(all.length * 0.985)] || all.at(-1) || 1;
    pen.globalCompositeOperation = planes.length > 1 ? style.getPropertyValue("--blend") || "screen" : "source-over";
    planes.forEach((bins, plane) => {
      pen.fillStyle = style.getPropertyValue((colours[planes.length] ?? colours[1])[plane]);
      bins.forEach((n, x) => { const h = Math.min(1, n / top) * 54; pen.fillRect(x, 56 - h, 1, h); });
    });
  }

  function mark(number) {
    document.querySelectorAll(".photo").forEach((each, k) => each.classList.toggle("chosen", k === number));
  }

  // ---- keys ---------------------------------------------------------------------------------------

  function keys(e) {
    const step = 80 * ratio() / state.zoom;
    const moves = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] };
    if (moves[e.key] && !e.altKey) { state.fit = false; move(...moves[e.key]); e.preventDefault(); }
  }

  function shortcuts(e) {
    const typing = e.target.closest("input, textarea, [contenteditable], .q-menu, .q-dialog");
    if (e.ctrlKey || e.metaKey || e.altKey || typing) return;
    const actions = {
      f: fit, 0: fit, 1: () => zoomTo(ratio()), "+": () => zoomTo(state.zoom * 1.4),
      "=": () => zoomTo(state.zoom * 1.4), "-": () => zoomTo(state.zoom / 1.4), b: () => hold(true),
      s: () => setMode(state.mode === "side" ? "divide" : "side"),
      o: () => setBefore(state.before === "other" ? "picture" : "other"),
    };
    if (actions[e.key]) { actions[e.key](); e.preventDefault(); }
  }

  function thumbnails() {
    document.querySelectorAll(".photo img").forEach((each) => {
      each.src = each.src.split("?")[0] + `?${Date.now()}`;
    });
  }

  return { start, fit, zoomTo, zoomBy: (n) => zoomTo(state.zoom * n), setMode, setBefore, hold, thumbnails,
           refresh: about, frames_of: (side) => state.frames[side], actual: () => zoomTo(ratio()), state, drawn };
})();
window.view = view;
