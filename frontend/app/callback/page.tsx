import type { Metadata } from "next";
import { Callback } from "@/components/Callback";

export const metadata: Metadata = { title: "Signing in · ECG video reader" };

export default function Page() {
  return <Callback />;
}
