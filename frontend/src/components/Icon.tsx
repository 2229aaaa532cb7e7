/** Line icons on a grid of 24. They only repeat what a text beside them says, so readers skip them. */
const PATHS = {
  upload: "M12 16V4m0 0 5 5m-5-5L7 9M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3",
  trash: "M4 7h16M10 11v6m4-6v6M6 7l1 13h10l1-13M9 7V4h6v3",
  retry: "M20 5v5h-5M4 19v-5h5M5.5 9A7.5 7.5 0 0 1 19 8.5M18.5 15A7.5 7.5 0 0 1 5 15.5",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 13l4.5 4.5L19 7",
  warning: "M12 4 2.5 20h19L12 4Zm0 6v4.5m0 2.6v.1",
  offline: "M3 3l18 18M8.5 15.5a5 5 0 0 1 7 0M5 12a10 10 0 0 1 4-2.4m5.5.1A10 10 0 0 1 19 12M12 19h.01",
  clock: "M12 7v5l3.5 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z",
  play: "M8 5v14l11-7Z",
  pause: "M8 5v14M16 5v14",
  caliper: "M6 4v16M18 4v16M6 12h12M9 9l-3 3 3 3m6-6 3 3-3 3",
  closer: "M11 8v6m-3-3h6m7 10-5-5m2-5a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
  further: "M8 11h6m7 10-5-5m2-5a7 7 0 1 1-14 0 7 7 0 0 1 14 0Z",
  whole: "M4 12h16M7 8l-4 4 4 4M17 8l4 4-4 4",
  download: "M12 4v11m0 0 5-5m-5 5-5-5M4 19h16",
  print: "M7 9V4h10v5M7 17H5a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1h14a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M7 14h10v6H7Z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4",
  moon: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z",
  heart: "M12 20s-8-4.8-8-10.4A4.6 4.6 0 0 1 12 7a4.6 4.6 0 0 1 8 2.6C20 15.2 12 20 12 20Z",
  synced: "M5 13l4.5 4.5L19 7",
  unsynced: "M12 5v9m0 4v.1M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z",
  progressing: "M12 3a9 9 0 1 0 9 9",
  missing: "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1 1-1.1 1.8m0 3v.1M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z",
  suspended: "M9 8v8m6-8v8M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z",
  broken: "M12 20s-8-4.8-8-10.4A4.6 4.6 0 0 1 12 7l-2 4 4 2-2 7a46 46 0 0 0 8-10.4A4.6 4.6 0 0 0 12 7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, className = "size-5" }: { name: IconName; className?: string }) {
  return (
    <svg
      viewBox="0 0 24 24"
      className={`shrink-0 ${className}`}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
