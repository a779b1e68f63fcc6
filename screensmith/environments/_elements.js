// Runs before every page's own scripts. Answers what is visible where, for people who may read the DOM.
// All rectangles are [left, top, right, bottom] in CSS pixels of the viewport.
(() => {
  const ROLES = ["button", "link", "checkbox", "radio", "tab", "menuitem", "menuitemcheckbox", "menuitemradio",
    "option", "switch", "textbox", "searchbox", "combobox", "slider", "spinbutton", "treeitem"];
  const INTERACTIVE = ["a[href]", "button", "input:not([type=hidden])", "select", "textarea", "summary",
    "[contenteditable='']", "[contenteditable=true]", "[tabindex]:not([tabindex='-1'])",
    ...ROLES.map(role => `[role=${role}]`)].join(",");
  const BUTTON_INPUTS = ["submit", "button", "reset", "image"];
  const PLAIN_INPUTS = ["checkbox", "radio", "range", "file", "color", "password"];
  const GRID = 9;

  const squeeze = text => (text || "").replace(/\s+/g, " ").trim();
  const area = box => box ? (box[2] - box[0]) * (box[3] - box[1]) : 0;
  const meet = (a, b) => [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  const boxOf = rect => [rect.left, rect.top, rect.right, rect.bottom];

  // A click on a label reaches its control, so a label counts as part of it.
  const hits = (element, x, y) => {
    const hit = document.elementFromPoint(x, y);
    if (!hit) return false;
    const label = hit.closest("label");
    return hit === element || element.contains(hit) || (!!label && label.control === element);
  };

  const clipOf = (element, frame) => {
    let clip = frame;
    for (let parent = element.parentElement; parent && parent !== document.body; parent = parent.parentElement) {
      const style = getComputedStyle(parent);
      if (style.position === "fixed") break;
      const [x, y] = [style.overflowX !== "visible", style.overflowY !== "visible"];
      if (parent === document.documentElement || !(x || y)) continue;
      const edge = boxOf(parent.getBoundingClientRect());
      clip = meet(clip, [x ? edge[0] : -Infinity, y ? edge[1] : -Infinity, x ? edge[2] : Infinity, y ? edge[3] : Infinity]);
    }
    return clip;
  };

  // The largest block of a 9 x 9 grid over `box` in which every cell's middle reaches the element.
  const largestHit = (element, box) => {
    const [width, height] = [(box[2] - box[0]) / GRID, (box[3] - box[1]) / GRID];
    const runs = [];  // runs[row][column]: cells hit in a row, ending at column
    for (let row = 0; row < GRID; row++) {
      runs.push([]);
      for (let column = 0; column < GRID; column++) {
        const hit = hits(element, box[0] + (column + 0.5) * width, box[1] + (row + 0.5) * height);
        runs[row].push(hit ? (column ? runs[row][column - 1] : 0) + 1 : 0);
      }
    }
    let best = null, cells = 0;
    for (let top = 0; top < GRID; top++) for (let column = 0; column < GRID; column++) {
      let span = GRID;
      for (let row = top; row < GRID; row++) {
        span = Math.min(span, runs[row][column]);
        if (!span) break;
        if (span * (row - top + 1) <= cells) continue;
        cells = span * (row - top + 1);
        best = [box[0] + (column + 1 - span) * width, box[1] + top * height,
          box[0] + (column + 1) * width, box[1] + (row + 1) * height];
      }
    }
    return best;
  };

  // The rectangle of the element that can be seen and whose middle a click would reach, or null.
  const visiblePart = (element, frame) => {
    const clip = clipOf(element, frame);
    let best = null;
    for (const rect of element.getClientRects()) {
      const box = meet(boxOf(rect), clip);
      if (box[2] - box[0] < 1 || box[3] - box[1] < 1 || area(box) <= area(best)) continue;
      const reached = hits(element, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
      const part = reached ? box : largestHit(element, box);
      if (area(part) > area(best)) best = part;
    }
    return best;
  };

  const textOf = element => {
    const tag = element.tagName;
    if (tag === "INPUT" && BUTTON_INPUTS.includes(element.type)) return squeeze(element.value);
    return squeeze(element.textContent);
  };

  const labelOf = element => squeeze(element.getAttribute("aria-label") ||
    [...(element.labels || [])].map(label => label.textContent).join(" ") ||
    element.getAttribute("placeholder") || element.getAttribute("title") || element.getAttribute("alt"));

  // What a person reads there; what was typed into a password field is never read.
  const says = element => {
    const tag = element.tagName;
    if (tag === "SELECT") return squeeze(element.selectedOptions[0]?.textContent) || labelOf(element);
    if (tag === "TEXTAREA") return squeeze(element.value) || labelOf(element);
    if (tag === "INPUT" && PLAIN_INPUTS.includes(element.type)) return labelOf(element);
    if (tag === "INPUT") return squeeze(element.value) || labelOf(element);
    return squeeze(element.innerText ?? element.textContent) || labelOf(element);
  };

  const kindOf = element => {
    const tag = element.tagName.toLowerCase();
    if (element.getAttribute("role")) return element.getAttribute("role");
    if (tag === "a") return "link";
    if (tag === "select") return "combobox";
    if (tag === "textarea" || element.isContentEditable) return "textbox";
    if (tag !== "input") return tag;
    if (BUTTON_INPUTS.includes(element.type)) return "button";
    return element.type === "text" || element.type === "search" || element.type === "email" ? "textbox" : element.type;
  };

  // Pages that record listeners (window.__screensmithClickable) make more elements known than markup does.
  const isInteractive = (element, frame) => {
    if (element.matches(INTERACTIVE) || typeof element.onclick === "function") return true;
    const style = getComputedStyle(element);
    if (style.cursor === "pointer" && getComputedStyle(element.parentElement).cursor !== "pointer") return true;
    if (!window.__screensmithClickable?.has(element)) return false;
    // A listener on most of the screen belongs to no single thing on it.
    return area(meet(boxOf(element.getBoundingClientRect()), frame)) < area(frame) / 2;
  };

  const interactive = frame => {
    const found = [];
    for (const element of document.body ? document.body.querySelectorAll("*") : []) {
      if (!isInteractive(element, frame)) continue;
      const box = visiblePart(element, frame);
      if (box) found.push({ box, text: says(element), kind: kindOf(element) });
    }
    return found;
  };

  // How to bring an element into view: the visible part of what scrolls it, and how far it is below its middle.
  const scrollerOf = (element, frame) => {
    const middle = rect => (rect.top + rect.bottom) / 2;
    for (let parent = element.parentElement; parent && parent !== document.body; parent = parent.parentElement) {
      const scrolls = /auto|scroll/.test(getComputedStyle(parent).overflowY);
      if (!scrolls || parent.scrollHeight <= parent.clientHeight + 2) continue;
      const box = meet(boxOf(parent.getBoundingClientRect()), frame);
      return { box, below: middle(element.getBoundingClientRect()) - (box[1] + box[3]) / 2 };
    }
    return null;
  };

  const find = ([selector, text, frame]) => {
    const found = [];
    for (const element of document.querySelectorAll(selector)) {
      const own = textOf(element);
      if (text !== null && own !== text) continue;
      const rect = element.getBoundingClientRect();
      const part = visiblePart(element, frame);
      found.push({
        text: own, tag: element.tagName.toLowerCase(), id: element.id, names: element.getAttribute("class") || "",
        value: element.value ?? "", checked: !!element.checked, data: { ...element.dataset },
        attributes: Object.fromEntries([...element.attributes].map(each => [each.name, each.value])),
        drawn: rect.width >= 1 && rect.height >= 1, whole: boxOf(rect), part,
        scroller: part ? null : scrollerOf(element, frame),
      });
    }
    return found;
  };

  // The native list at a place: how many times ArrowDown leads from the first option to the wanted one.
  const optionSteps = ([x, y, wanted]) => {
    const hit = document.elementFromPoint(x, y);
    const list = hit && (hit.closest("select") || hit.closest("label")?.control);
    if (!list || list.tagName !== "SELECT") return { problem: "there is no list at that place" };
    const options = [...list.options].filter(option => !option.disabled && !option.hidden && !option.closest("optgroup[disabled]"));
    const labels = options.map(option => squeeze(option.label));
    const steps = labels.indexOf(squeeze(wanted));
    if (steps < 0) return { problem: `the list has no option ${JSON.stringify(wanted)}; it has ${JSON.stringify(labels)}` };
    return { steps };
  };
  const chosenOption = ([x, y]) => {
    const hit = document.elementFromPoint(x, y);
    const list = hit && (hit.closest("select") || hit.closest("label")?.control);
    return squeeze(list?.selectedOptions?.[0]?.label);
  };

  Object.defineProperty(window, "__screensmith", {
    value: Object.freeze({ interactive, find, optionSteps, chosenOption }),
  });
})();
