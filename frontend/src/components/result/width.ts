import { type RefObject, useEffect, useState } from "react";

/** How many pixels wide an element is, now and whenever that changes; 0 before it is laid out. */
export function useWidth(element: RefObject<Element | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const seen = element.current;
    if (!seen) return;
    const observer = new ResizeObserver(() => setWidth(seen.clientWidth));
    observer.observe(seen);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
