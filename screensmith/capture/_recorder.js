// Watches what a person does in one document and reports it, as JSON text, through a binding.
//
// Runs in an isolated world of every frame, from before the page's first script: the page can neither see,
// call nor change anything here. Only trusted events count. What is typed into a secret field never leaves
// this file: such keys are reported without their names, values are compared here and not sent.
(() => {
  "use strict";
  if (globalThis.screensmithRecorder) return;
  globalThis.screensmithRecorder = true;

  const documentName = Math.random().toString(36).slice(2, 12);
  let sequence = 0;

  // --- where things are -------------------------------------------------------------------------------

  // A frame cannot look into a parent of another origin: `known` is then false, coordinates stay those of the
  // frame, and the receiving side adds its place on the screen.
  function placeOfFrame() {
    const nowhere = { left: 0, top: 0, scale: 1, known: false, width: 0, height: 0 };
    const place = { left: 0, top: 0, scale: 1, known: true, width: 0, height: 0 };
    let view = window;
    try {
      while (view !== view.parent) {
        const holder = view.frameElement;
        if (!holder) return nowhere;
        const rectangle = holder.getBoundingClientRect();
        const style = view.parent.getComputedStyle(holder);
        const scale = holder.offsetWidth ? rectangle.width / holder.offsetWidth : 1;
        place.left = place.left * scale + rectangle.left + (holder.clientLeft + parseFloat(style.paddingLeft)) * scale;
        place.top = place.top * scale + rectangle.top + (holder.clientTop + parseFloat(style.paddingTop)) * scale;
        place.scale *= scale;
        view = view.parent;
      }
      const visual = view.visualViewport;
      place.left = (place.left - visual.offsetLeft) * visual.scale;
      place.top = (place.top - visual.offsetTop) * visual.scale;
      place.scale *= visual.scale;
      place.width = view.innerWidth;
      place.height = view.innerHeight;
      return place;
    } catch {
      return nowhere;
    }
  }

  function boxOf(element) {
    const rectangle = element.getBoundingClientRect();
    return [rectangle.left, rectangle.top, rectangle.right, rectangle.bottom];
  }

  const names = new WeakMap();
  function nameOf(element) {
    if (!names.has(element)) names.set(element, `${documentName}:${++sequence}`);
    return names.get(element);
  }

  // Both clocks count the same time, but one can be set: follow it only when it was, to keep the order exact.
  let epoch = performance.timeOrigin;
  function epochSeconds(timeStamp) {
    const now = Date.now() - performance.now();
    if (Math.abs(now - epoch) > 5) epoch = now;
    return (epoch + timeStamp) / 1000;
  }

  function report(type, event, particulars) {
    const send = globalThis.screensmithReport;
    if (!send) return;
    const time = epochSeconds(event ? event.timeStamp : performance.now());
    const message = { type, document: documentName, number: ++sequence, time };
    send(JSON.stringify({ ...message, frame: placeOfFrame(), ...particulars }));
  }

  // --- secret fields ----------------------------------------------------------------------------------

  const SECRET_NAME =
    /^((new|old|current|confirm|repeat|user|login|my|your)[-_]?)?(password|passwd|passphrase|passcode|pwd|pass)([-_]?(confirm|confirmation|again|repeat|new|old|\d+))?$/i;
  const secretFields = new WeakSet();
  const tracked = new Map(); // name of a secret field -> {reference, value}; values stay in this map
  const SHORTEST_SECRET = 3; // shorter values would match unrelated text

  function isField(element) {
    return element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
  }

  function looksSecret(element) {
    if (element.type === "password") return true;
    if (/password/i.test(element.getAttribute("autocomplete") || "")) return true;
    if (SECRET_NAME.test(element.name) || SECRET_NAME.test(element.id)) return true;
    const hiding = getComputedStyle(element).webkitTextSecurity;
    if (hiding && hiding !== "none") return true;
    // A page may show a password by putting an ordinary field in the place of the secret one.
    return element.value.length >= SHORTEST_SECRET && [...tracked.values()].some((known) => known.value === element.value);
  }

  function markSecret(element) {
    secretFields.add(element);
    const name = nameOf(element);
    if (tracked.has(name)) return;
    tracked.set(name, { reference: new WeakRef(element), value: element.value });
    // What was typed before the field turned out to be secret must be taken back.
    report("secret_field", null, { field: name, box: boxOf(element) });
  }

  function isSecret(element) {
    // A closed shadow root hides its fields; what is typed there cannot be judged, so it counts as secret.
    if (element instanceof HTMLElement && element.localName.includes("-") && !element.shadowRoot) return !element.isContentEditable;
    if (!isField(element)) return false;
    if (!secretFields.has(element) && looksSecret(element)) markSecret(element);
    return secretFields.has(element);
  }

  function scrub(text) {
    let clean = text;
    for (const { value } of tracked.values()) {
      if (value.length >= SHORTEST_SECRET) clean = clean.split(value).join("<password>");
    }
    return clean;
  }

  const ALL_FIELDS = "input, textarea";
  function fieldsIn(root) {
    const found = root.querySelectorAll ? [...root.querySelectorAll(ALL_FIELDS)] : [];
    return root instanceof Element && root.matches(ALL_FIELDS) ? [root, ...found] : found;
  }

  let shown = "[]";
  function look() {
    if (!tracked.size) return false;
    fieldsIn(document).forEach(isSecret);
    const boxes = [];
    for (const known of tracked.values()) {
      const field = known.reference.deref();
      if (!field) continue;
      if (field.value) known.value = field.value;
      const hiding = getComputedStyle(field).webkitTextSecurity;
      const readable = field.type !== "password" && (!hiding || hiding === "none");
      if (readable && field.value && field.isConnected) boxes.push(boxOf(field));
    }
    const text = JSON.stringify(boxes);
    if (text !== shown) report("reveal", null, { boxes });
    shown = text;
    return boxes.length > 0;
  }

  // Looks now, and before each paint while a secret can be read, because scrolling and layout move the field.
  let paintsToWatch = 0;
  function beforePaint() {
    paintsToWatch -= 1;
    if (look()) paintsToWatch = 2;
    if (paintsToWatch > 0) requestAnimationFrame(beforePaint);
  }
  function checkReveals() {
    const idle = paintsToWatch === 0;
    paintsToWatch = 2;
    look();
    if (idle) requestAnimationFrame(beforePaint);
  }

  const observed = new WeakSet();
  function observe(root) {
    if (observed.has(root)) return;
    observed.add(root);
    fieldsIn(root).forEach(isSecret);
    new MutationObserver((changes) => {
      for (const change of changes) {
        if (change.type === "childList") change.addedNodes.forEach((node) => fieldsIn(node).forEach(isSecret));
        else if (isField(change.target) && (change.oldValue || "").toLowerCase().includes("password")) markSecret(change.target);
        else isSecret(change.target);
      }
      checkReveals();
    }).observe(root, {
      subtree: true, childList: true, attributes: true, attributeOldValue: true, attributeFilter: ["type", "autocomplete", "name", "id"],
    });
  }
  observe(document);

  // --- what was acted on ------------------------------------------------------------------------------

  const INTERACTIVE =
    "a[href], button, input, select, textarea, label, summary, option, area, [role], [onclick], [tabindex], [contenteditable]";

  function targetOf(event) {
    const deepest = event.composedPath()[0];
    const element = deepest instanceof Element ? deepest : deepest.parentElement || document.documentElement;
    const root = element.getRootNode();
    if (root instanceof ShadowRoot) observe(root);
    return element;
  }

  function kindOf(element) {
    if (element instanceof HTMLInputElement) return element.type;
    if (element instanceof HTMLSelectElement) return element.multiple || element.size > 1 ? "listbox" : "select";
    return element.getAttribute("role") || element.localName;
  }

  // What the element is called, never what was entered into it.
  function textOf(element) {
    const isButton = element instanceof HTMLInputElement && ["button", "submit", "reset"].includes(element.type);
    const label = element.labels && element.labels[0];
    const holdsInput = isField(element) || element instanceof HTMLSelectElement || element.isContentEditable;
    const text =
      element.getAttribute("aria-label") || (isButton && element.value) || (label && label.innerText) ||
      element.getAttribute("placeholder") || element.getAttribute("alt") || element.getAttribute("title") ||
      (holdsInput ? "" : element.innerText) || "";
    return scrub(text.trim().replace(/\s+/g, " ")).slice(0, 80);
  }

  function describe(element) {
    const target = element.closest(INTERACTIVE) || element;
    const secret = isSecret(element) || isSecret(target);
    const everything = target === document.documentElement || target === document.body;
    if (everything) return { field: nameOf(target), kind: target.localName, secret };
    return { field: nameOf(target), box: boxOf(target), kind: kindOf(target), text: textOf(target), secret };
  }

  function modifiersOf(event) {
    const held = [["Control", event.ctrlKey], ["Alt", event.altKey], ["Meta", event.metaKey], ["Shift", event.shiftKey]];
    return held.filter(([, down]) => down).map(([name]) => name);
  }

  const BUTTONS = ["left", "middle", "right", "back", "forward"];

  function pointer(type, event) {
    const particulars = { x: event.clientX, y: event.clientY, button: BUTTONS[event.button] || "left" };
    report(type, event, { ...particulars, touch: event.pointerType === "touch", target: describe(targetOf(event)) });
  }

  // --- listening --------------------------------------------------------------------------------------

  function listen(type, handle) {
    window.addEventListener(type, (event) => { if (event.isTrusted) handle(event); }, { capture: true, passive: true });
  }

  // A dragged scroll bar sends no wheel events: the scrolling it causes is reported instead.
  let scrollBar = null;
  function scrollBarAt(event) {
    const element = targetOf(event);
    const isPage = element === document.documentElement;
    const scroller = isPage ? document.scrollingElement || element : element;
    const rectangle = element.getBoundingClientRect();
    const x = isPage ? event.clientX : event.clientX - rectangle.left - element.clientLeft;
    const y = isPage ? event.clientY : event.clientY - rectangle.top - element.clientTop;
    const style = getComputedStyle(element);
    const scrolls = (overflow) => isPage || overflow === "auto" || overflow === "scroll";
    const onVertical = x >= scroller.clientWidth && scroller.scrollHeight > scroller.clientHeight && scrolls(style.overflowY);
    const onHorizontal = y >= scroller.clientHeight && scroller.scrollWidth > scroller.clientWidth && scrolls(style.overflowX);
    if (!onVertical && !onHorizontal) return null;
    const start = { left: scroller.scrollLeft, top: scroller.scrollTop, x: event.clientX, y: event.clientY };
    return { ...start, scroller, pressed: event.timeStamp };
  }

  listen("pointerdown", (event) => {
    checkReveals();
    scrollBar = scrollBarAt(event);
    if (!scrollBar) pointer("down", event);
  });
  listen("pointerup", (event) => {
    if (!scrollBar) pointer("up", event);
    else scrollBar.released = event.timeStamp;
  });
  listen("dragend", (event) => pointer("up", event));
  listen("click", () => checkReveals());
  listen("scroll", (event) => {
    const scrolled = event.target === document ? document.scrollingElement : event.target;
    // The last scrolling is reported after the release.
    if (!scrollBar || scrolled !== scrollBar.scroller || event.timeStamp - scrollBar.released > 300) return;
    const deltaX = scrolled.scrollLeft - scrollBar.left;
    const deltaY = scrolled.scrollTop - scrollBar.top;
    scrollBar.left += deltaX;
    scrollBar.top += deltaY;
    // The action begins with the press; the screen of a press long ago is not kept.
    const began = event.timeStamp - scrollBar.pressed < 5000 ? { timeStamp: scrollBar.pressed } : event;
    scrollBar.pressed = -Infinity;
    report("scroll", began, { x: scrollBar.x, y: scrollBar.y, deltaX, deltaY, until: epochSeconds(event.timeStamp) });
  });
  const PIXELS_PER_LINE = 100 / 3; // Chromium's distance of one line of a notched wheel
  listen("wheel", (event) => {
    scrollBar = null;
    if (event.ctrlKey) return report("ignored", event, { what: "zooming with the wheel" });
    const unit = [1, PIXELS_PER_LINE, window.innerHeight][event.deltaMode];
    const where = { x: event.clientX, y: event.clientY };
    report("scroll", event, { ...where, deltaX: event.deltaX * unit, deltaY: event.deltaY * unit });
  });

  function isEditable(element, target) {
    return element.isContentEditable || isField(element) || target.secret;
  }

  const SILENT_KEYS = new Set(
    "Control Shift Alt Meta AltGraph CapsLock NumLock ScrollLock Fn Dead Process Unidentified Compose".split(" "));
  let keyMakesText = false; // whether the last key reported will also arrive as an input event
  listen("keydown", (event) => {
    checkReveals();
    if (event.isComposing || SILENT_KEYS.has(event.key)) return;
    const element = targetOf(event);
    const target = describe(element);
    const editable = isEditable(element, target);
    const onMac = /Mac/.test(navigator.platform);
    const composesLetter = event.getModifierState("AltGraph") || (onMac && event.altKey && !event.ctrlKey && !event.metaKey);
    const isCharacter = [...event.key].length === 1;
    const isShortcut = (event.ctrlKey || event.altKey || event.metaKey) && !composesLetter;
    keyMakesText = isCharacter && !isShortcut && editable;
    if (keyMakesText) report("text", event, { target, ...(target.secret ? {} : { text: event.key }) });
    else report("key", event, { key: event.key, modifiers: modifiersOf(event), editable, target });
  });
  listen("compositionend", (event) => {
    const target = describe(targetOf(event));
    if (event.data) report("text", event, { target, ...(target.secret ? {} : { text: event.data }) });
  });
  listen("paste", (event) => {
    const element = targetOf(event);
    const target = describe(element);
    // A middle click pastes on some systems, whether or not anything takes the text.
    if (!isEditable(element, target)) return;
    const text = event.clipboardData ? event.clipboardData.getData("text/plain") : "";
    keyMakesText = false;
    report("paste", event, { target, ...(target.secret ? {} : { text }) });
  });
  listen("input", (event) => {
    checkReveals();
    const element = targetOf(event);
    if (isSecret(element) && isField(element) && element.value) tracked.get(nameOf(element)).value = element.value;
    if (event.inputType === "insertText" && !keyMakesText) {
      // An emoji panel, dictation or an on-screen keyboard: text without a key.
      const target = describe(element);
      report("text", event, { target, ...(target.secret ? {} : { text: event.data || "" }) });
    } else if (event.inputType === "insertReplacementText") {
      report("ignored", event, { what: "a suggestion that replaced text" });
    }
    keyMakesText = false;
  });
  const PICKED = new Set("date datetime-local month week time color".split(" "));
  listen("change", (event) => {
    const element = targetOf(event);
    const target = describe(element);
    if (target.kind === "select") {
      const option = element.selectedOptions[0];
      if (option) report("select", event, { target, option: scrub(option.label) });
    } else if (PICKED.has(target.kind)) {
      report("picked", event, { target, value: element.value });
    }
  });
  listen("focusout", (event) => report("blur", event, { target: describe(targetOf(event)) }));
  listen("pagehide", (event) => report("reveal", event, { boxes: [] }));
  report("hello", null, { isTop: window === window.parent });
})();
