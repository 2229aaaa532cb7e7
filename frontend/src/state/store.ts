/** A value that outlives components, and tells them when it changes. */
import { useSyncExternalStore } from "react";

export class Store<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(to: T): void {
    this.current = to;
    for (const listener of this.listeners) listener();
  }

  update(change: (before: T) => T): void {
    this.set(change(this.current));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

/** The store's value in a component. `before` stands where the page is exported and until it is alive. */
export function useStore<T>(store: Store<T>, before: T = store.value): T {
  return useSyncExternalStore(
    store.subscribe,
    () => store.value,
    () => before,
  );
}
