"use client";

export function OpsPage() {
  return null;
}
