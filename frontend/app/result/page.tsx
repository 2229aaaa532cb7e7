import type { Metadata } from "next";
import { Suspense } from "react";
import { ResultPage } from "@/components/result/ResultPage";

export const metadata: Metadata = { title: "Result · ECG video reader" };

export default function Page() {
  return (
    <Suspense>
      <ResultPage />
    </Suspense>
  );
}
