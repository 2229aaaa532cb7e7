import { UploadPanel } from "@/components/upload/UploadPanel";
import { VideoListPanel } from "@/components/list/VideoListPanel";

export default function Home() {
  return (
    <div className="grid gap-8">
      <UploadPanel />
      <VideoListPanel />
    </div>
  );
}
