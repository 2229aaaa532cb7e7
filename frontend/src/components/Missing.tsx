"use client";

import Link from "next/link";
import { useMessages } from "@/i18n/language";

export function Missing() {
  const { missing } = useMessages();
  return (
    <div className="py-20 text-center">
      <h1 className="text-2xl font-semibold">{missing.heading}</h1>
      <Link href="/" className="mt-4 inline-block text-accent underline">
        {missing.back}
      </Link>
    </div>
  );
}
