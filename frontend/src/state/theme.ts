/** Dark or light: what was chosen, else what the system says. inline/theme.js sets it before the first paint. */
import { Store, useStore } from "./store";

export type Theme = "light" | "dark";

const theme = new Store<Theme>(
  typeof document !== "undefined" && document.documentElement.dataset.theme === "dark" ? "dark" : "light",
);

export function wear(to: Theme): void {
  localStorage.setItem("theme", to);
  show(to);
}

/** Print in light colours, canvases too, whatever is worn. */
export function printLight(): void {
  const before = theme.value;
  show("light");
  // Two frames: one for React, one for the canvases.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      window.print();
      show(before);
    }),
  );
}

function show(to: Theme): void {
  document.documentElement.dataset.theme = to;
  theme.set(to);
}

export const useTheme = (): Theme => useStore(theme, "light");
