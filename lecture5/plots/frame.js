// ---- The page around a widget: we follow its theme, and tell it our height. Put into every widget's own script.
function pageIsDark() {
  try { // the same origin in a srcdoc frame; elsewhere we ask the system only
    const page = window.parent.document;
    if (page.documentElement.dataset.theme) return page.documentElement.dataset.theme === "dark";
    if (page.body.dataset.jpThemeLight) return page.body.dataset.jpThemeLight === "false";
  } catch { /* another origin */ }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}
function dress() {
  document.documentElement.dataset.theme = pageIsDark() ? "dark" : "light";
  dispatchEvent(new Event("dressed")); // for what computes with colours
}
function grow() {
  try { if (window.frameElement) window.frameElement.style.height = `${document.documentElement.offsetHeight + 2}px`; } catch { /* another origin */ }
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
try {
  if (window.parent !== window) {
    const page = window.parent.document, observer = new MutationObserver(dress);
    observer.observe(page.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    observer.observe(page.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  }
} catch { /* another origin */ }
new ResizeObserver(grow).observe(document.body);
