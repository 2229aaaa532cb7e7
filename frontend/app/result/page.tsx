import type { Metadata } from "next";
import { Suspense } from "react";
import { Gate } from "@/components/Gate";
import { ResultPage } from "@/components/result/ResultPage";

export const metadata: Metadata = { title: "Result · ECG video reader" };

export default function Page() {
  return (
    <Suspense>
      <Gate whole>
        <ResultPage />
      </Gate>
    </Suspense>
  );
}
