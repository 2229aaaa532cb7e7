import type { Metadata } from "next";
import { OpsPage } from "@/components/ops/OpsPage";

export const metadata: Metadata = { title: "Operations · ECG video reader" };

export default function Page() {
  return <OpsPage />;
}
