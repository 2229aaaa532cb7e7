(function () {
  var root = document.documentElement;
  var kept = null;
  try {
    kept = localStorage.getItem("theme");
  } catch {}
  var dark = kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "dark" : "light";
})();
