// Runs before a MiniWoB++ page's own scripts: makes what they draw while loading repeatable, and
// notes what the DOM does not tell: listeners, work still to come, and the shape drawn on a canvas.
(() => {
  // Tasks are seeded after loading with Math.seedrandom; until then a fixed sequence is as good as any.
  let state = 20250101;
  Math.random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };

  const CLICKS = new Set(["click", "mousedown", "mouseup", "pointerdown"]);
  const clickable = new WeakSet();
  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (CLICKS.has(type) && this instanceof Element && this !== document.body) clickable.add(this);
    return listen.call(this, type, ...rest);
  };
  Object.defineProperty(window, "__screensmithClickable", { value: clickable });

  // Short timers, animation frames and fast intervals are how these pages animate and delay things.
  const SHORT_MILLISECONDS = 1000, FAST_MILLISECONDS = 60;
  const [later, sooner, every] = [window.setTimeout, window.requestAnimationFrame, window.setInterval].map(f => f.bind(window));
  const [notLater, notSooner, notEvery] =
    [window.clearTimeout, window.cancelAnimationFrame, window.clearInterval].map(f => f.bind(window));
  const timers = new Set(), frames = new Set(), intervals = new Set();
  const forgetting = (cancel, pending) => id => { pending.delete(id); cancel(id); };
  window.setTimeout = (task, delay = 0, ...rest) => {
    const id = later((...given) => {
      timers.delete(id);
      return typeof task === "function" ? task(...given) : (0, eval)(task);
    }, delay, ...rest);
    if (delay <= SHORT_MILLISECONDS) timers.add(id);
    return id;
  };
  window.requestAnimationFrame = task => {
    const id = sooner(time => { frames.delete(id); task(time); });
    frames.add(id);
    return id;
  };
  window.setInterval = (task, delay = 0, ...rest) => {
    const id = every(task, delay, ...rest);
    if (delay < FAST_MILLISECONDS) intervals.add(id);
    return id;
  };
  window.clearTimeout = forgetting(notLater, timers);
  window.cancelAnimationFrame = forgetting(notSooner, frames);
  window.clearInterval = forgetting(notEvery, intervals);
  Object.defineProperty(window, "__screensmithSettle", {
    value: Object.freeze({ busy: () => timers.size + frames.size + intervals.size > 0, frame: sooner, later }),
  });

  // Canvas pixels have no DOM, so the corners of the last path drawn are kept.
  const path = { lines: 0 };
  const pen = CanvasRenderingContext2D.prototype;
  const [begin, line] = [pen.beginPath, pen.lineTo];
  pen.beginPath = function () { path.lines = 0; return begin.call(this); };
  pen.lineTo = function (x, y) { path.lines += 1; return line.call(this, x, y); };
  Object.defineProperty(window, "__screensmithPath", { value: path });
})();
