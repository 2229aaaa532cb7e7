import type { Metadata } from "next";
import { Gate } from "@/components/Gate";
import { OpsPage } from "@/components/ops/OpsPage";

export const metadata: Metadata = { title: "Operations · ECG video reader" };

export default function Page() {
  return (
    <Gate whole>
      <OpsPage />
    </Gate>
  );
}
