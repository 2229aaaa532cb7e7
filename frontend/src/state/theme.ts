/** Dark or light: what was chosen, else what the system says. inline/theme.js sets it before the first paint. */
import { Store, useStore } from "./store";

export type Theme = "light" | "dark";

const theme = new Store<Theme>(
  typeof document !== "undefined" && document.documentElement.dataset.theme === "dark" ? "dark" : "light",
);

export function wear(to: Theme): void {
  localStorage.setItem("theme", to);
  document.documentElement.dataset.theme = to;
  theme.set(to);
}

export const useTheme = (): Theme => useStore(theme, "light");
