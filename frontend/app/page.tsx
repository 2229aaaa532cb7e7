import { Gate } from "@/components/Gate";
import { Intro } from "@/components/Intro";
import { VideoListPanel } from "@/components/list/VideoListPanel";
import { UploadPanel } from "@/components/upload/UploadPanel";

export default function Home() {
  return (
    <>
      <Intro />
      <div className="mt-5 grid gap-10">
        <Gate>
          <UploadPanel />
          <VideoListPanel />
        </Gate>
      </div>
    </>
  );
}
