/**
 * Light, dark or as the system has it; remembered in this browser.
 *
 * `data-theme` on the root element always holds the theme in effect, so that styles need no media query.
 */
import { rememberChoice } from "../remembered.ts";

export const themeChoices = ["system", "light", "dark"] as const;

/** What the user chose. */
export const theme = rememberChoice("theme", themeChoices);

/** Puts the remembered theme into effect and follows choice and system from now on. Called once, before the first paint. */
export function startTheme(): void {
  const darkSystem = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const choice = theme.get();
    const isDark = choice === "dark" || (choice === "system" && darkSystem.matches);
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  };
  apply();
  darkSystem.addEventListener("change", apply);
  theme.subscribe(apply);
}
