/** Things told in passing; components/Toasts.tsx shows them. */
import { Store } from "./store";

export interface Told {
  key: number;
  text: string;
  action?: { label: string; run: () => void };
  /** Runs once the notice is gone without its action. */
  after?: () => void;
  /** How long it stays, unless somebody points at it. */
  ms: number;
}

export const told = new Store<readonly Told[]>([]);
let next = 1;

/** Tell something in passing. */
export function tell(text: string, more: Partial<Pick<Told, "action" | "after" | "ms">> = {}): void {
  told.update((before) => [...before, { key: next++, text, ms: 6000, ...more }]);
}

/** Take a notice away and run what its end means; nothing happens where it is gone already. */
export function end({ key }: Told, run: (() => void) | undefined): void {
  if (!told.value.some((one) => one.key === key)) return;
  told.update((before) => before.filter((one) => one.key !== key));
  run?.();
}
