"use strict";
(() => {
  const main = document.querySelector("main");
  const away = document.getElementById("away");
  const parts = ["written", "sentence", "counts", "open", "failures", "timeline", "workflows", "jobs"];

  // What the reader has opened stays open.
  function keepOpen(next) {
    for (const opened of main.querySelectorAll("details[open][id]")) {
      const same = next.getElementById(opened.id);
      if (same) same.open = true;
    }
  }

  function place(part, next) {
    const before = parts.slice(0, parts.indexOf(part)).reverse();
    const previous = before.map((id) => document.getElementById(id)).find((found) => found && main.contains(found));
    if (previous) previous.after(next);
    else main.prepend(next);
  }

  function renew(next) {
    document.title = next.title;
    keepOpen(next);
    for (const part of parts) {
      const old = document.getElementById(part);
      const fresh = next.getElementById(part);
      if (!fresh) {
        if (old) old.remove();
        continue;
      }
      if (old && old.isEqualNode(fresh)) continue;
      const focused = old && old.contains(document.activeElement) ? document.activeElement : null;
      const imported = document.importNode(fresh, true);
      if (!old) place(part, imported);
      // A text that is announced when it changes has to stay the same element.
      else if (part === "sentence") old.textContent = fresh.textContent;
      else old.replaceWith(imported);
      if (focused) {
        const details = focused.closest("details[id]");
        const same = details && document.getElementById(details.id);
        const target = same ? same.querySelector("summary") : imported;
        target.focus({ preventScroll: true });
      }
    }
    const seconds = next.querySelector("main").dataset.refresh;
    if (seconds) main.dataset.refresh = seconds;
  }

  async function again() {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.pathname, { cache: "no-store" });
        if (!answer.ok) throw new Error(answer.statusText);
        renew(new DOMParser().parseFromString(await answer.text(), "text/html"));
        away.textContent = "";
      } catch {
        away.textContent = "The service does not answer. This is what was known last; the page goes on asking.";
      }
    }
    setTimeout(again, 1000 * main.dataset.refresh);
  }

  setTimeout(again, 1000 * main.dataset.refresh);
})();
